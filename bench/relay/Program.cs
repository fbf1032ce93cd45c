using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay.Splice;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

var time = TimeProvider.System;
using var pools = new PoolTable(time);
var registry = new LoopRegistry(time);
using var meter = new ForwardingMeter();
await using var engine = new SpliceEngine(time, registry, NullLogger.Instance, int.Parse(Environment.GetEnvironmentVariable("LOOPS") ?? "0"));
var backends = new List<BackendDefinition>();
var pds = new List<PoolDefinition>();
var todo = new List<(string, IPEndPoint, IPEndPoint)>();
foreach (var (pair, i) in args.Select((a, i) => (a, i)))
{
    var halves = pair.Split('=');
    var to = IPEndPoint.Parse(halves[1]);
    backends.Add(new() { Id = new($"b{i}"), Address = to.Address.ToString() });
    pds.Add(new() { Id = new($"p{i}"), Backends = [new($"b{i}")] });
    todo.Add(($"l{i}", IPEndPoint.Parse(halves[0]), to));
}
pools.Configure(backends, pds);
foreach (var b in backends) pools.Report(b.Id, new(BackendState.Serving, true, DateTimeOffset.MinValue, "bench"));
for (var i = 0; i < todo.Count; i++)
{
    var (name, from, to) = todo[i];
    var settings = new ListenerSettings { Name = name, Bind = [new(from, null)], Protocol = ListenerProtocol.Tcp, Pool = new($"p{i}"), Port = to.Port };
    var gate = new Gate(settings, pools, time, meter, NullLogger.Instance);
    var opening = await engine.OpenAsync(gate, gate.Rules, null, default);
    var s = new Socket(from.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
    s.Bind(from); s.Listen(8192);
    Sentinel.Forwarding.Relay.DeadPeer.Watch(s);
    opening.Carrier!.Accept(s);
}
Console.WriteLine("ready");
await Task.Delay(Timeout.InfiniteTimeSpan, time);
