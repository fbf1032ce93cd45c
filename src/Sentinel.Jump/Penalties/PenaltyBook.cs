using System.Globalization;

namespace Sentinel.Jump.Penalties;

/// <summary>
/// Tells attackers from people, by what became of connections: pure but for its memory. What counts is a connection that asked
/// for a user and ended without a login, so an agent with ten keys costs nothing, whichever of them is the right one. A login
/// clears its source, and who has logged in from there before is given much more patience: an office behind one address has many who err,
/// and some who do not. A user who is attacked from everywhere is never locked out; those who fail for that user from where nobody ever
/// logged in lose patience sooner.
/// </summary>
internal sealed class PenaltyBook
{
    /// <summary>Points at which a source is refused; one point is forgiven a minute.</summary>
    private const double Limit = 10;
    private const double LimitOfTrusted = 100;

    /// <summary>Points at which a user counts as attacked.</summary>
    private const double LimitOfUser = 30;

    private const double CostOfKnownUser = 1;
    private const double CostOfUnknownUser = 2;
    private const double CostOfAttackedUser = 5;
    private const int MostTracked = 20_000;

    private static readonly TimeSpan Shortest = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    // It may be a machine whose key is not in the file yet, and somebody waits for it.
    private static readonly TimeSpan LongestForKnown = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Memory = TimeSpan.FromDays(1);

    private readonly Dictionary<Source, Record> _sources = [];
    private readonly Dictionary<string, Record> _users = [];

    /// <summary>A login worked.</summary>
    public void Accept(Source source, DateTimeOffset now)
    {
        var record = Of(_sources, source, now);
        (record.Points, record.Trusted) = (0, now);
    }

    /// <summary>A connection asked for a user and ended without a login.</summary>
    /// <param name="account">As the client wrote it; null: it ran out of time.</param>
    /// <param name="isKnown">Whether there is such an account.</param>
    /// <param name="isShared">Whether many use the account, so that it cannot be told whom an attack is for.</param>
    /// <param name="hasSession">Whether somebody works from this source right now: then it is never refused.</param>
    /// <returns>What to do about it; null: nothing.</returns>
    public Refusal? Fail(Source source, string? account, bool isKnown, bool isShared, Func<bool> hasSession, DateTimeOffset now)
    {
        var record = Of(_sources, source, now);
        var isTrusted = now - record.Trusted < Memory;
        var isAttacked = account is not null && isKnown && !isShared && !isTrusted && Attack(account, now);
        record.Points += isAttacked ? CostOfAttackedUser : isKnown ? CostOfKnownUser : CostOfUnknownUser;
        record.Failures++;
        if (record.Points < (isTrusted ? LimitOfTrusted : Limit) || hasSession())
        {
            return null;
        }

        var length = Shortest * Math.Pow(2, Math.Min(record.Refusals++, 10));
        var longest = isKnown ? LongestForKnown : Longest;
        length = length < longest ? length : longest;
        var why = string.Create(CultureInfo.InvariantCulture,
            $"{record.Failures} connections since {record.Since:HH:mm:ss} UTC ended without a login, the last one for {Quote(account)}{(isAttacked ? ", who is attacked from many addresses" : isKnown ? "" : ", who does not exist")}");
        (record.Points, record.Failures) = (0, 0);
        return new(source, length, why);
    }

    /// <summary>A text that a client chose, fit for a log line.</summary>
    internal static string Quote(string? account) => account is null ? "nobody" : $"\"{(account.Length > 40 ? account[..40] + "…" : account)}\"";

    private bool Attack(string account, DateTimeOffset now)
    {
        var user = Of(_users, account, now);
        user.Points++;
        return user.Points > LimitOfUser;
    }

    private static Record Of<T>(Dictionary<T, Record> records, T key, DateTimeOffset now)
        where T : notnull
    {
        if (!records.TryGetValue(key, out var record))
        {
            if (records.Count >= MostTracked)
            {
                // Those that matter least go: nothing that a flood of addresses brings grows without a limit.
                foreach (var old in records.OrderBy(pair => pair.Value.Weight(now)).Take(MostTracked / 4).ToArray())
                {
                    records.Remove(old.Key);
                }
            }

            records[key] = record = new() { Seen = now };
        }

        record.Forgive(now);
        return record;
    }

    private sealed class Record
    {
        public double Points { get; set; }

        public int Failures { get; set; }

        public int Refusals { get; set; }

        public DateTimeOffset Since { get; private set; }

        public DateTimeOffset Seen { get; set; }

        public DateTimeOffset Trusted { get; set; } = DateTimeOffset.MinValue;

        public double Weight(DateTimeOffset now) => Points - (now - Seen).TotalMinutes + (100 * Refusals) + (now - Trusted < Memory ? 10_000 : 0);

        public void Forgive(DateTimeOffset now)
        {
            Points = Math.Max(0, Points - Math.Max(0, (now - Seen).TotalMinutes));
            if (now - Seen > Memory)
            {
                Refusals = 0;
            }

            if (Points == 0)
            {
                (Failures, Since) = (0, now);
            }

            Seen = now;
        }
    }
}
