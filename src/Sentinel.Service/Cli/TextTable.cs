using System.Text;

namespace Sentinel.Service.Cli;

/// <summary>Columns that fit a terminal: where a row is too wide, the columns that may give way are cut in the middle.</summary>
internal sealed class TextTable
{
    private const string Gap = "  ";

    /// <summary>A name is still told from its neighbours by its first and last letters.</summary>
    private const int LeastWidth = 9;

    private readonly List<Column> _columns = [];
    private readonly List<string[]> _rows = [];

    /// <summary>Adds a column.</summary>
    /// <param name="heading">In capitals, by custom.</param>
    /// <param name="isNumber">Right-aligned.</param>
    /// <param name="givesWay">Whether it may be cut to make room.</param>
    public TextTable With(string heading, bool isNumber = false, bool givesWay = false)
    {
        _columns.Add(new Column(heading, isNumber, givesWay));
        return this;
    }

    /// <summary>Adds a row of as many cells as there are columns.</summary>
    public void Add(params string[] cells) => _rows.Add(cells);

    /// <summary>Lines without trailing blanks, no wider than asked unless the columns cannot give way enough.</summary>
    public IEnumerable<string> Lines(int width)
    {
        var widths = Widths(width);
        yield return Line(widths, [.. _columns.Select(column => column.Heading)]);
        foreach (var row in _rows)
        {
            yield return Line(widths, row);
        }
    }

    private int[] Widths(int width)
    {
        var widths = _columns.Select((column, i) => _rows.Select(row => row[i].Length).Append(column.Heading.Length).Max()).ToArray();
        while (widths.Sum() + (Gap.Length * (widths.Length - 1)) > width)
        {
            // The widest gives way first, so that short names stay whole.
            var widest = Enumerable.Range(0, widths.Length)
                .Where(i => _columns[i].GivesWay && widths[i] > Math.Max(LeastWidth, _columns[i].Heading.Length))
                .OrderByDescending(i => widths[i])
                .Select(i => (int?)i)
                .FirstOrDefault();
            if (widest is not { } index)
            {
                break;
            }

            widths[index]--;
        }

        return widths;
    }

    private string Line(int[] widths, string[] cells)
    {
        var line = new StringBuilder();
        for (var i = 0; i < cells.Length; i++)
        {
            var cell = Cut(cells[i], widths[i]);
            line.Append(i == 0 ? "" : Gap).Append(_columns[i].IsNumber ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]));
        }

        return line.ToString().TrimEnd();
    }

    /// <summary>Names that belong together differ at their end more often than in their middle.</summary>
    private static string Cut(string text, int width)
    {
        if (text.Length <= width)
        {
            return text;
        }

        var tail = (width - 1) / 2;
        return string.Concat(text.AsSpan(0, width - 1 - tail), "…", text.AsSpan(text.Length - tail));
    }

    private sealed record Column(string Heading, bool IsNumber, bool GivesWay);
}
