using System.Globalization;
using System.Net;

namespace Sentinel.Testing.FakeGce;

/// <summary>The fake cloud by hand: an API to point a sentinel or gcloud at, VMs that listen, and a few commands on standard input.</summary>
internal static class FakeGceProgram
{
    public const string Usage = "fake-gce [--port N] [--zone Z] [--network A.B.C] [--quick] [--silent] [ZONE/]VM...";

    public static async Task<int> RunAsync(string[] args)
    {
        var port = 8642;
        var (zone, network) = ("us-central1-a", "127.64.0");
        var timing = new GceTiming();
        var silent = false;
        var names = new List<string>();
        for (var i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--port":
                    port = int.Parse(args[++i], CultureInfo.InvariantCulture);
                    break;
                case "--zone":
                    zone = args[++i];
                    break;
                case "--network":
                    network = args[++i];
                    break;
                case "--quick":
                    timing = GceTiming.Quick;
                    break;
                case "--silent":
                    // A fleet that is only there to be listed: no VM has a process.
                    silent = true;
                    break;
                default:
                    names.Add(args[i]);
                    break;
            }
        }

        using var guests = new ProcessGuests();
        await using var server = await FakeGceServer.StartAsync(timing: timing, guests: silent ? null : guests, address: IPAddress.Loopback, port: port).ConfigureAwait(false);
        server.Project.Network = network;
        foreach (var name in names)
        {
            var vm = name.Split('/') is [var other, var inside] ? server.Project.AddRunning(other, inside) : server.Project.AddRunning(zone, name);
            if (silent)
            {
                continue;
            }

            Console.WriteLine($"{zone}/{name} runs on {vm.Address}: http 8080, echo 7000");
        }

        Console.WriteLine($"project {server.Project.Name} at {server.Endpoint}");
        Console.WriteLine("commands: preempt VM | stop VM | host-error VM | shutdown VM | delete VM | starve | feed | down | up | quit");
        while (await Console.In.ReadLineAsync().ConfigureAwait(false) is { } line && line != "quit")
        {
            Obey(server.Project, zone, line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        }

        return 0;
    }

    private static void Obey(FakeProject project, string zone, string[] words)
    {
        try
        {
            switch (words)
            {
                case ["preempt", var vm]:
                    project.Preempt(zone, vm);
                    break;
                case ["stop", var vm]:
                    project.StopByPerson(zone, vm);
                    break;
                case ["delete", var vm]:
                    project.DeleteByPerson(zone, vm);
                    break;
                case ["host-error", var vm]:
                    project.FailHost(zone, vm);
                    break;
                case ["shutdown", var vm]:
                    project.ShutDownGuest(zone, vm);
                    break;
                case ["starve"]:
                    project.Trouble.Starving = (z, _, _) => OperationFault.NoCapacity(z);
                    break;
                case ["feed"]:
                    project.Trouble.Starving = (_, _, _) => null;
                    break;
                case ["down"]:
                    project.Trouble.IsDown = true;
                    break;
                case ["up"]:
                    project.Trouble.IsDown = false;
                    break;
                default:
                    Console.WriteLine("?");
                    break;
            }
        }
        catch (Exception e) when (e is GceRefusalException or InvalidOperationException)
        {
            Console.WriteLine(e.Message);
        }
    }
}
