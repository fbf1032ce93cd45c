using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding;
using Sentinel.Forwarding.Listeners;

// bench-relay ENGINE LISTEN=TARGET...: the forwarding room alone, with one pool of one backend for each pair. What the
// daemon has around it (probes, admin endpoint, logs) is left out, as it is for the peers.
if (args.Length < 2 || !Enum.TryParse<RelayEngine>(args[0], ignoreCase: true, out var engine))
{
    Console.Error.WriteLine("usage: bench-relay auto|splice|managed LISTEN=TARGET...");
    return 2;
}

var time = TimeProvider.System;
using var pools = new PoolTable(time);
var pairs = args[1..].Select((pair, i) => (Name: $"relay-{i}", Listen: IPEndPoint.Parse(pair.Split('=')[0]), Target: IPEndPoint.Parse(pair.Split('=')[1]))).ToArray();
pools.Configure(
    [.. pairs.Select(pair => new BackendDefinition { Id = new(pair.Name), Address = pair.Target.Address.ToString() })],
    [.. pairs.Select(pair => new PoolDefinition { Id = new(pair.Name), Backends = [new(pair.Name)] })]);
foreach (var pair in pairs)
{
    pools.Report(new(pair.Name), new(BackendState.Serving, Healthy: true, time.GetUtcNow(), "the bench says so"));
}

await using var forwarder = new Forwarder(pools, new LoopRegistry(time), time, NullLoggerFactory.Instance);
using (var change = await forwarder.PrepareAsync([.. pairs.Select(pair => new ListenerSettings
{
    Name = pair.Name,
    Bind = [new(pair.Listen, null)],
    Protocol = ListenerProtocol.Tcp,
    Pool = new(pair.Name),
    Port = pair.Target.Port,
    MaxConnections = 100_000,
    Engine = engine,
})]))
{
    if (change.Errors.Count > 0)
    {
        Console.Error.WriteLine(string.Join("\n", change.Errors));
        return 1;
    }

    change.Commit();
}

var stop = new TaskCompletionSource();
using var term = System.Runtime.InteropServices.PosixSignalRegistration.Create(
    System.Runtime.InteropServices.PosixSignal.SIGTERM, context => { context.Cancel = true; stop.TrySetResult(); });
Console.WriteLine("ready");
await stop.Task;
return 0;
