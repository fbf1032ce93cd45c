using System.Net;
using Sentinel.Testing.FakeGce;
using Sentinel.Testing.Traffic;
using Sentinel.Testing.Vm;

return args switch
{
    ["vm", .. var rest] => await WebVm.RunAsync(rest).ConfigureAwait(false),
    ["fake-gce", .. var rest] => await FakeGceProgram.RunAsync(rest).ConfigureAwait(false),
    ["echo", var at] => await EchoServer.RunAsync(IPEndPoint.Parse(at)).ConfigureAwait(false),
    ["echo", var at, var host] => await EchoServer.RunAsync(IPEndPoint.Parse(at), host).ConfigureAwait(false),
    ["flows", var to, var count, var pace] => await TrafficCommands.FlowsAsync(to, count, pace).ConfigureAwait(false),
    ["flows", var to, var count, var pace, var host] => await TrafficCommands.FlowsAsync(to, count, pace, host).ConfigureAwait(false),
    ["sessions", var count, .. var command] when command.Length > 0 => await TrafficCommands.SessionsAsync(count, command).ConfigureAwait(false),
    ["knock", var to] => await TrafficCommands.KnockAsync(to).ConfigureAwait(false),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine($"""
        usage: Sentinel.Testing vm --address A --name N [--boot SECONDS] [--wait-for FILE] [--refuse-to-die]
               Sentinel.Testing {FakeGceProgram.Usage}
               Sentinel.Testing echo ADDRESS:PORT [TLS-HOST]
               Sentinel.Testing flows ADDRESS:PORT COUNT PACE-IN-MILLISECONDS [TLS-HOST]
               Sentinel.Testing sessions COUNT PROGRAM [ARGUMENT]...
               Sentinel.Testing knock ADDRESS:PORT
        """);
    return 2;
}
