using System.Globalization;
using System.Net;
using System.Text;

namespace Sentinel.Forwarding.Http.Answers;

/// <summary>
/// A page of ours. Works without a script, reads well aloud, follows the reader's choice of light or dark, loads nothing.
/// Every text is escaped here, so that nothing that reaches a page can be markup.
/// </summary>
internal sealed class Page
{
    /// <summary>Lets the page use its own style and nothing else.</summary>
    public const string ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static readonly string[] Frame = Load();

    private readonly StringBuilder _head = new();
    private readonly StringBuilder _body = new();

    public Page(string title)
    {
        _head.Append("<title>").Append(Escape(title)).Append("</title>\n");
        _body.Append("<h1>").Append(Escape(title)).Append("</h1>\n");
    }

    /// <summary>Loads itself again after so many seconds.</summary>
    public Page Refresh(int seconds)
    {
        _head.Append($"<meta http-equiv=\"refresh\" content=\"{seconds}\">\n");
        return this;
    }

    public Page Paragraph(string text)
    {
        _body.Append("<p>").Append(Escape(text)).Append("</p>\n");
        return this;
    }

    /// <summary>A line that matters less.</summary>
    public Page Aside(string text)
    {
        _body.Append("<p class=\"soft\">").Append(Escape(text)).Append("</p>\n");
        return this;
    }

    /// <summary>A bar.</summary>
    /// <param name="done">From 0 to 1.</param>
    /// <param name="label">What it measures, for who cannot see it.</param>
    public Page Progress(double done, string label)
    {
        var percent = Math.Clamp(done, 0, 1).ToString("P0", CultureInfo.InvariantCulture);
        _body.Append(CultureInfo.InvariantCulture, $"<progress aria-label=\"{Escape(label)}\" value=\"{Math.Clamp(done, 0, 1):0.##}\">{percent}</progress>\n");
        return this;
    }

    /// <summary>A small last line with a link.</summary>
    public Page Link(string path, string text)
    {
        _body.Append("<p class=\"soft\"><a href=\"").Append(Escape(path)).Append("\">").Append(Escape(text)).Append("</a></p>\n");
        return this;
    }

    public Page Table(IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        _body.Append("<table>\n<thead><tr>");
        foreach (var column in columns)
        {
            _body.Append("<th scope=\"col\">").Append(Escape(column)).Append("</th>");
        }

        _body.Append("</tr></thead>\n<tbody>\n");
        foreach (var row in rows)
        {
            _body.Append("<tr>");
            foreach (var cell in row)
            {
                _body.Append("<td>").Append(Escape(cell)).Append("</td>");
            }

            _body.Append("</tr>\n");
        }

        _body.Append("</tbody>\n</table>\n");
        return this;
    }

    public byte[] ToUtf8() => Encoding.UTF8.GetBytes(string.Concat(Frame[0], _head.ToString(), Frame[1], _body.ToString()) + Frame[2]);

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private static string[] Load()
    {
        using var stream = typeof(Page).Assembly.GetManifestResourceStream("Sentinel.Forwarding.Http.Answers.page.html")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split(["<!--head-->\n", "<!--body-->\n"], StringSplitOptions.None);
    }
}
