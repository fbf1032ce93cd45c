using System.Text;

namespace Sentinel.Service.Cli;

/// <summary>A terminal's second screen, painted over and over; the first one comes back when this is disposed.</summary>
internal sealed class LiveScreen : IDisposable
{
    private const string Enter = "\e[?1049h\e[?25l";
    private const string Leave = "\e[?25h\e[?1049l";
    private const string Home = "\e[H";
    private const string ClearRest = "\e[J";
    private const string ClearLine = "\e[K";

    private readonly TextWriter _terminal = Console.Out;

    public LiveScreen() => _terminal.Write(Enter);

    /// <summary>Paints the lines from the top; what does not fit is left out. No blank screen in between, so nothing flickers.</summary>
    public void Draw(IReadOnlyList<string> lines)
    {
        var (height, width) = (Console.WindowHeight, Terminal.Width);
        var picture = new StringBuilder(Home);
        for (var i = 0; i < lines.Count && i < height; i++)
        {
            var line = Terminal.Tame(lines[i]);
            picture.Append(i == 0 ? "" : "\r\n").Append(line.Length <= width ? line : line[..width]).Append(ClearLine);
        }

        _terminal.Write(picture.Append(ClearRest));
        _terminal.Flush();
    }

    public void Dispose() => _terminal.Write(Leave);
}
