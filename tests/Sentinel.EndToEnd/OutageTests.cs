using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd;

/// <summary>The main job: a VM dies under load and everything goes on.</summary>
public sealed class OutageTests : IAsyncLifetime
{
    private readonly Sandbox _sandbox = new();
    private SentinelProcess _sentinel = null!;

    public async Task InitializeAsync()
    {
        _sentinel = await _sandbox.StartAsync(new
        {
            backends = new Dictionary<string, object>
            {
                ["one"] = new
                {
                    instance = "process/one",
                    address = _sandbox.Address(10),
                    command = _sandbox.WebVm("one", _sandbox.Address(10), "--boot", "1"),
                    health = new { kind = "http", port = 8080, interval = "1s" },
                    recovery = new { backoff = new { initial = "500ms", max = "2s" } },
                },
            },
            pools = new { web = new { backends = new[] { "one" } } },
            listeners = new
            {
                http = new { bind = new[] { $"{_sandbox.Front}:8080" }, protocol = "http", pool = "web", port = 8080, hold = "60s" },
                tcp = new { bind = new[] { $"{_sandbox.Front}:7000" }, protocol = "tcp", pool = "web", port = 7000, hold = "60s" },
            },
        });
        await _sentinel.UntilAsync("one", "serving");
    }

    public async Task DisposeAsync() => await _sandbox.DisposeAsync();

    [NeedsFact("linux")]
    public async Task A_VM_killed_under_200_connections_and_steady_requests_costs_only_what_had_reached_it()
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = 32 })
        {
            BaseAddress = new($"http://{_sandbox.Front}:8080"),
        };
        await client.GetStringAsync(new Uri("/", UriKind.Relative));
        var baseline = (_sentinel.Descriptors, _sentinel.Resident);

        var open = new List<Socket>();
        for (var i = 0; i < 200; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(_sandbox.Front, 7000);
            await EchoAsync(socket);
            open.Add(socket);
        }

        var failed = new ConcurrentBag<(string Id, string How)>();
        var answered = 0;
        using var stop = new CancellationTokenSource();
        var steady = Enumerable.Range(0, 16).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                var id = $"{worker}-{i}";
                try
                {
                    using var response = await client.GetAsync(new Uri($"/count/{id}", UriKind.Relative));
                    if (response.StatusCode == HttpStatusCode.OK)
                    {
                        Interlocked.Increment(ref answered);
                    }
                    else
                    {
                        failed.Add((id, $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}"));
                    }
                }
                catch (HttpRequestException e)
                {
                    failed.Add((id, e.ToString()));
                }
            }
        })).ToArray();

        await Eventually.TrueAsync(() => Volatile.Read(ref answered) > 500);
        KillVm();
        await _sentinel.UntilAsync("one", "stopping", "starting", "verifying", "waiting");

        using var late = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await late.ConnectAsync(_sandbox.Front, 7000);
        await _sentinel.UntilAsync("one", "serving");
        await EchoAsync(late);

        var before = Volatile.Read(ref answered);
        await Eventually.TrueAsync(() => Volatile.Read(ref answered) > before + 200);
        await stop.CancelAsync();
        await Task.WhenAll(steady);

        var reached = File.ReadAllLines(_sandbox.PathOf("journal")).ToHashSet();
        var lost = failed.Where(request => !reached.Contains(request.Id)).ToArray();
        var told = _sentinel.Log.Split('\n').Where(line => line.Contains("\"request.", StringComparison.Ordinal) || line.Contains("\"backend.", StringComparison.Ordinal));
        Assert.True(lost.Length == 0, $"{string.Join('\n', lost)}\n{string.Join('\n', told)}");

        // Everyone who was connected to the dead VM was told so.
        Assert.All(open, socket => Assert.True(IsClosed(socket)));
        open.ForEach(socket => socket.Dispose());
        late.Dispose();
        await Eventually.TrueAsync(async () => (int)(await _sentinel.StatusAsync())["listeners"]![1]!["connections"]! == 0);
        await Eventually.TrueAsync(() => _sentinel.Descriptors <= baseline.Descriptors + 40);
        Assert.InRange(_sentinel.Resident - baseline.Resident, long.MinValue, 96 << 20);

        var backend = await _sentinel.BackendAsync("one");
        Assert.Equal(1, (int)backend["preemptions"]!);
        Assert.NotNull(backend["lastOutageSeconds"]);
        Assert.Contains("\"one\"", await _sentinel.GetAsync("/outages"), StringComparison.Ordinal);
        Assert.Single(_sentinel.Events("backend.preempted"));
    }

    [NeedsFact("linux")]
    public async Task An_outage_is_told_from_its_first_sign_to_its_end()
    {
        KillVm();
        await _sentinel.UntilAsync("one", "stopping", "starting", "verifying", "waiting");
        await _sentinel.UntilAsync("one", "serving");

        var printed = await DaemonProgram.RunAsync("outages", "--admin", $"http://{_sandbox.Front}:8888");
        Assert.Contains("one", printed.Ok(), StringComparison.Ordinal);

        var outages = JsonNode.Parse(await _sentinel.GetAsync("/outages"))!;
        var list = outages as JsonArray ?? outages["outages"]!.AsArray();
        var id = (string)list[0]!["id"]!;
        var told = await DaemonProgram.RunAsync("outages", id, "--admin", $"http://{_sandbox.Front}:8888");
        Assert.Contains("preempted", told.Ok(), StringComparison.OrdinalIgnoreCase);
        Assert.True(File.Exists(Path.Combine(_sandbox.State, "outages", $"{id}.json")));
    }

    private void KillVm() => Sandbox.KillWith($"--address {_sandbox.Address(10)}");

    private static async Task EchoAsync(Socket socket)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        await socket.SendAsync("ping"u8.ToArray(), patience.Token);
        var buffer = new byte[4];
        Assert.Equal(4, await socket.ReceiveAsync(buffer, patience.Token));
    }

    private static bool IsClosed(Socket socket)
    {
        try
        {
            return socket.Poll(TimeSpan.FromSeconds(10), SelectMode.SelectRead) && socket.Receive(new byte[1]) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
