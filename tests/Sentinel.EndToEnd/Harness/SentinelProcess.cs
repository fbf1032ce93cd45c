using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Harness;

/// <summary>The real daemon in a process of its own.</summary>
internal sealed class SentinelProcess : IAsyncDisposable
{
    private readonly Sandbox _sandbox;
    private readonly Surroundings _surroundings;
    private readonly Process _process;
    private readonly HttpClient _admin;
    private readonly ConcurrentQueue<string> _log = [];
    private bool _isDisposed;

    /// <param name="surroundings">Where and how it runs; null: as this process does.</param>
    public SentinelProcess(Sandbox sandbox, object configuration, Surroundings? surroundings = null)
    {
        _surroundings = surroundings ??= new();
        _sandbox = sandbox;
        Configuration = sandbox.Configure(configuration);
        _admin = new HttpClient(surroundings.Handler()) { BaseAddress = new($"http://{sandbox.Front}:8888") };
        string[] command = [.. surroundings.Wrapper, .. DaemonProgram.Command("run", "--config", Configuration)];
        _process = Shell.Start(command[0], command[1..]);
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Configuration { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Everything it wrote so far.</summary>
    public string Log => string.Join('\n', _log);

    /// <summary>Its log lines of one event.</summary>
    public IEnumerable<JsonNode> Events(string name) =>
        _log.Where(line => line.StartsWith('{')).Select(line => JsonNode.Parse(line)!).Where(line => (string?)line["event"] == name);

    /// <summary>Writes the file anew, whole; the daemon notices by itself or at <see cref="Signal"/>.</summary>
    public void Configure(object configuration) => _sandbox.Configure(configuration);

    public async Task ReadyAsync()
    {
        await Eventually.TrueAsync(async () => HasExited || await IsUpAsync(), TimeSpan.FromSeconds(60));
        if (HasExited)
        {
            throw new InvalidOperationException($"The daemon ended with status {_process.ExitCode}:\n{Log}");
        }
    }

    public async Task<JsonNode> StatusAsync() => JsonNode.Parse(await _admin.GetStringAsync(new Uri("/status", UriKind.Relative)))!;

    /// <summary>As clients ask that it does not know yet: each by a connection of its own, all at once.</summary>
    public Task<JsonNode[]> StatusesAsync(int clients) => Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
    {
        using var client = new HttpClient(_surroundings.Handler()) { BaseAddress = _admin.BaseAddress };
        return JsonNode.Parse(await client.GetStringAsync(new Uri("/status", UriKind.Relative)))!;
    }));

    public async Task<JsonNode> BackendAsync(string name) =>
        (await StatusAsync())["backends"]!.AsArray().Single(backend => (string?)backend!["name"] == name)!;

    public async Task<string> StateAsync(string backend) => (string)(await BackendAsync(backend))["state"]!;

    public Task UntilAsync(string backend, params string[] states) =>
        Eventually.TrueAsync(async () => Array.IndexOf(states, await StateAsync(backend)) >= 0, TimeSpan.FromSeconds(60), $"{backend} is {string.Join(" or ", states)}");

    public async Task<string> GetAsync(string path) => await _admin.GetStringAsync(new Uri(path, UriKind.Relative));

    /// <summary>Reads what is for operators alone.</summary>
    public async Task<string> GetAsOperatorAsync(string path)
    {
        using var response = await AskAsync(HttpMethod.Get, path);
        return await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync();
    }

    public async Task<HttpStatusCode> PostAsync(string path)
    {
        using var response = await AskAsync(HttpMethod.Post, path);
        return response.StatusCode;
    }

    /// <summary>One sample of <c>/metrics</c>; null if the series is not there.</summary>
    public async Task<double?> MetricAsync(string series)
    {
        var line = (await GetAsync("/metrics")).Split('\n').FirstOrDefault(line => line.StartsWith(series + " ", StringComparison.Ordinal));
        return line is null ? null : double.Parse(line[(series.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Descriptors it has open.</summary>
    public int Descriptors => Open().Length;

    /// <summary>Ends of pipes among them.</summary>
    public int Pipes => Open().Count(descriptor => Target(descriptor).StartsWith("pipe:", StringComparison.Ordinal));

    /// <summary>Resident memory in bytes.</summary>
    public long Resident => long.Parse(File.ReadAllText($"/proc/{Id}/statm").Split(' ')[1]) * Environment.SystemPageSize;

    public async Task Signal(string signal) => (await Shell.RunAsync("kill", $"-{signal}", $"{Id}")).Ok();

    /// <summary><c>kill -9</c>, and nobody else with it.</summary>
    public async Task KillAsync()
    {
        _process.Kill(entireProcessTree: false);
        await _process.WaitForExitAsync();
    }

    /// <summary>Waits for the end and tells the exit status.</summary>
    public async Task<int> ExitAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(1), TimeProvider.System);
        await _process.WaitForExitAsync(deadline.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (!HasExited)
        {
            // the second one ends it without a drain; it may be gone before either
            await Shell.RunAsync("kill", "-TERM", $"{Id}");
            await Shell.RunAsync("kill", "-TERM", $"{Id}");
            await ExitAsync();
        }

        _admin.Dispose();
        _process.Dispose();
    }

    private async Task<HttpResponseMessage> AskAsync(HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(_sandbox.State, "admin.token"))).Trim());
        return await _admin.SendAsync(request);
    }

    private async Task<bool> IsUpAsync()
    {
        try
        {
            await StatusAsync();
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private string[] Open() => Directory.GetFileSystemEntries($"/proc/{Id}/fd");

    private static string Target(string link)
    {
        try
        {
            return File.ResolveLinkTarget(link, returnFinalTarget: false)?.Name ?? "";
        }
        catch (IOException)
        {
            return ""; // closed meanwhile
        }
    }

    private void Keep(string? line)
    {
        if (line is not null)
        {
            _log.Enqueue(line);
        }
    }
}
