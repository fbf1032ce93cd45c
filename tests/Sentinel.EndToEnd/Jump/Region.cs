using Sentinel.EndToEnd.Harness;

namespace Sentinel.EndToEnd.Jump;

/// <summary>
/// A network of eleven machines: two clients at home with many addresses, an office behind one address with two laptops, the
/// sentinel, three VMs, a container with the same address 10.0.3.100 behind each of the first two, and one with an address that
/// nobody else has behind the second.
/// </summary>
internal sealed class Region : IAsyncDisposable
{
    public const string Sentinel4 = "10.71.1.1";
    public const string Office = "10.71.2.2";
    public const string Container = "10.0.3.100";
    public const string OnlyContainer = "10.0.4.100";

    /// <summary>The sentinel's second address, which a team knows by a name of its own.</summary>
    public const string Team4 = "10.71.1.100";

    /// <summary>The sentinel's, and two households' networks (/64) of which the second has two addresses here.</summary>
    public const string Sentinel6 = "fd71::1";
    public const string Home6 = "fd71:0:0:1::2";
    public const string Neighbour6 = "fd71:0:0:2::a";
    public const string NeighboursOther6 = "fd71:0:0:2::b";

    private readonly List<Host> _hosts = [];

    private Region(Sandbox sandbox)
    {
        Sandbox = sandbox;
        foreach (var folder in new[] { sandbox.Folder, Directory.CreateDirectory(sandbox.PathOf("home")).FullName })
        {
            // Users who are not root have to come by, and to leave files.
            File.SetUnixFileMode(folder, (UnixFileMode)(folder == sandbox.Folder ? 0b111_001_001 : 0b111_111_111));
        }

        (Front, Home, OfficeRouter, LaptopA, LaptopB) = (Add("sentinel"), Add("client-a"), Add("office"), Add("laptop-a"), Add("laptop-b"));
        Vms = [Add("vm-1"), Add("vm-2"), Add("vm-3")];
        Containers = [Add("container-1"), Add("container-2")];
        Only = Add("container-3");
        Home.Network.Connect(Front.Network, [.. Enumerable.Range(2, 30).Select(HomeAddress).Select(address => $"{address}/24"), $"{Home6}/48", $"{Neighbour6}/48", $"{NeighboursOther6}/48"], [$"{Sentinel4}/24", $"{Team4}/24", $"{Sentinel6}/48"]);
        OfficeRouter.Network.Connect(Front.Network, [$"{Office}/24"], ["10.71.2.1/24"]);
        OfficeRouter.Network.Connect(LaptopA.Network, ["192.168.9.1/30"], ["192.168.9.2/30"]);
        OfficeRouter.Network.Connect(LaptopB.Network, ["192.168.9.5/30"], ["192.168.9.6/30"]);
        for (var i = 0; i < Vms.Length; i++)
        {
            Front.Network.Connect(Vms[i].Network, [$"10.72.{i + 1}.1/24"], [$"{VmAddress(i)}/24"]);
            if (i < Containers.Length)
            {
                Vms[i].Network.Connect(Containers[i].Network, ["10.0.3.1/24"], [$"{Container}/24"]);
                Containers[i].Network.Do("ip", "route", "add", "default", "via", "10.0.3.1");
            }

            Vms[i].Network.Do("ip", "route", "add", "default", "via", $"10.72.{i + 1}.1");
            Vms[i].Network.Do("sysctl", "-qw", "net.ipv4.ip_forward=1");
        }

        Vms[1].Network.Connect(Only.Network, ["10.0.4.1/24"], [$"{OnlyContainer}/24"]);
        Only.Network.Do("ip", "route", "add", "default", "via", "10.0.4.1");
        OfficeRouter.Network.Do("ip", "route", "add", "default", "via", "10.71.2.1");
        OfficeRouter.Network.Do("sysctl", "-qw", "net.ipv4.ip_forward=1");
        OfficeRouter.Network.Feed("table ip nat {\n chain post {\n type nat hook postrouting priority 100\n ip saddr 192.168.9.0/24 masquerade\n }\n}\n", "nft", "-f", "-");
        LaptopA.Network.Do("ip", "route", "add", "default", "via", "192.168.9.1");
        LaptopB.Network.Do("ip", "route", "add", "default", "via", "192.168.9.5");
    }

    public Sandbox Sandbox { get; }

    public Host Front { get; }

    public Host Home { get; }

    public Host OfficeRouter { get; }

    public Host LaptopA { get; }

    public Host LaptopB { get; }

    public Host[] Vms { get; }

    public Host[] Containers { get; }

    public Host Only { get; }

    public string HostKey => Sandbox.PathOf("host");

    public static string VmAddress(int i) => $"10.72.{i + 1}.2";

    public static string HomeAddress(int i) => $"10.71.1.{i}";

    public static async Task<Region> CreateAsync(Sandbox sandbox)
    {
        var region = new Region(sandbox);
        (await Shell.RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", region.HostKey)).Ok();
        return region;
    }

    /// <summary>Starts the sshd of every VM and container.</summary>
    public Task BootAsync() => Task.WhenAll(Vms.Concat(Containers).Append(Only).Select(host => host.StartSshAsync(HostKey)));

    public async ValueTask DisposeAsync()
    {
        await Sandbox.DisposeAsync();
        _hosts.ForEach(host => host.Dispose());
    }

    private Host Add(string name)
    {
        _hosts.Add(new(name, Sandbox.Folder));
        return _hosts[^1];
    }
}
