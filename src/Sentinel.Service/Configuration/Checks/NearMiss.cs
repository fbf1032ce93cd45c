namespace Sentinel.Service.Configuration.Checks;

/// <summary>Guesses what a misspelt word was meant to be.</summary>
internal static class NearMiss
{
    /// <summary>The candidate that is closest, if any is close: at most one slip in three characters, or its beginning.</summary>
    public static string? Of(string word, IEnumerable<string> candidates)
    {
        string? best = null;
        var fewest = int.MaxValue;
        foreach (var candidate in candidates)
        {
            var slips = Slips(word, candidate);
            if (slips < fewest)
            {
                (best, fewest) = (candidate, slips);
            }
        }

        return best;
    }

    /// <summary>What is added to what was expected; empty if nothing is close.</summary>
    public static string Hint(string word, IEnumerable<string> candidates) => Of(word, candidates) is { } near ? $"; did you mean \"{near}\"?" : "";

    private static int Slips(string word, string candidate)
    {
        if (word.Equals(candidate, StringComparison.OrdinalIgnoreCase))
        {
            return 0;
        }

        var allowed = Math.Max(1, Math.Max(word.Length, candidate.Length) / 3);
        var slips = Math.Abs(word.Length - candidate.Length) > allowed ? int.MaxValue : Distance(word, candidate);
        return slips <= allowed && slips < Math.Min(word.Length, candidate.Length) ? slips
            : word.Length >= 3 && candidate.StartsWith(word, StringComparison.OrdinalIgnoreCase) ? allowed + 1
            : int.MaxValue;
    }

    /// <summary>Letters added, left out, exchanged, or swapped with their neighbour (optimal string alignment).</summary>
    private static int Distance(string a, string b)
    {
        int[] beforeLast = new int[b.Length + 1], last = [.. Enumerable.Range(0, b.Length + 1)];
        for (var i = 1; i <= a.Length; i++)
        {
            var row = new int[b.Length + 1];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                row[j] = Math.Min(Math.Min(row[j - 1], last[j]) + 1, last[j - 1] + (Same(a[i - 1], b[j - 1]) ? 0 : 1));
                if (i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1]))
                {
                    row[j] = Math.Min(row[j], beforeLast[j - 2] + 1);
                }
            }

            (beforeLast, last) = (last, row);
        }

        return last[b.Length];
    }

    private static bool Same(char a, char b) => char.ToLowerInvariant(a) == char.ToLowerInvariant(b);
}
