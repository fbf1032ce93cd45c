using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Sentinel.EndToEnd.Systemd;

/// <summary>A test program that works until its input ends and then tells how it went.</summary>
internal sealed class Traffic(Process process) : IAsyncDisposable
{
    private readonly Task<string> _errors = process.StandardError.ReadToEndAsync();

    public async Task ReadyAsync()
    {
        if (await LineAsync() is not "ready" and var line)
        {
            throw new InvalidOperationException($"{line}{await _errors}");
        }
    }

    /// <summary>Ends its input and reads its result.</summary>
    public async Task<JsonNode> FinishAsync()
    {
        process.StandardInput.Close();
        return JsonNode.Parse(await LineAsync() ?? throw new InvalidOperationException(await _errors))!;
    }

    public async ValueTask DisposeAsync()
    {
        process.Kill(); // by its own id; it may have ended
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(1), TimeProvider.System);
        await process.WaitForExitAsync(deadline.Token);
        process.Dispose();
    }

    private async Task<string?> LineAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(2), TimeProvider.System);
        return await process.StandardOutput.ReadLineAsync(deadline.Token);
    }
}
