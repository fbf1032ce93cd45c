using System.Globalization;
using Sentinel.Backends;

namespace Sentinel.Jump.Machines;

/// <summary>What a machine lacks to be the jump host that a configuration asks for, each with what to do about it.</summary>
public static class JumpNeeds
{
    private const string Unit = "sentinel.service";
    private const int FirstFreePort = 1024;

    /// <summary>Looks at this machine.</summary>
    /// <param name="stateDirectory">The daemon's.</param>
    /// <returns>Sentences; none: nothing is lacking as far as files tell.</returns>
    public static IReadOnlyList<string> Of(JumpSettings settings, IReadOnlyCollection<BackendDefinition> backends, string stateDirectory) =>
        [.. Of(settings, backends, stateDirectory, new Machine("/"))];

    internal static IEnumerable<string> Of(JumpSettings settings, IReadOnlyCollection<BackendDefinition> backends, string stateDirectory, Machine machine)
    {
        if (!machine.Exists("/usr/sbin/sshd"))
        {
            yield return "There is no sshd (/usr/sbin/sshd): apt install openssh-server.";
        }

        if (!machine.HasProgram("ssh-keygen") || !machine.HasProgram("ssh-keyscan"))
        {
            yield return "There is no ssh-keygen or no ssh-keyscan: apt install openssh-client.";
        }

        if (!machine.HasUnit("sentinel-sshd.service") || !machine.Exists("/usr/local/lib/sentinel/sentinel-sshd-prepare"))
        {
            yield return "The private sshd is not installed: copy packaging/systemd/sentinel-sshd.service to /etc/systemd/system, and the programs of packaging/ssh to /usr/local/lib/sentinel.";
        }

        if (machine.Entry("/etc/passwd", "sentinel") is null)
        {
            yield return "There is no user \"sentinel\", as which the daemon writes what sshd reads: copy packaging/systemd/sentinel.sysusers to /etc/sysusers.d/sentinel.conf, then systemd-sysusers; and use packaging/systemd/sentinel.service.d/jump-host.conf.";
        }

        foreach (var account in Accounts(settings, backends).Where(account => machine.Entry("/etc/passwd", account) is null))
        {
            yield return $"There is no account \"{account}\" yet; it is made when the private sshd starts: systemctl enable --now sentinel-sshd.";
        }

        if (!machine.Exists(settings.Log))
        {
            yield return $"There is no log of sshd to follow ({settings.Log}): copy packaging/systemd/sentinel.tmpfiles to /etc/tmpfiles.d/sentinel.conf, then systemd-tmpfiles --create.";
        }

        if (!machine.IsPassable(stateDirectory))
        {
            yield return $"Users who log in cannot pass through {stateDirectory} to their keys: it takes StateDirectoryMode=0711, as in packaging/systemd/sentinel.service.d/jump-host.conf.";
        }

        if (!machine.UnitGives(Unit, "CAP_NET_ADMIN"))
        {
            yield return "The daemon may not end the sessions of removed users nor refuse attackers: that takes CAP_NET_ADMIN, as in packaging/systemd/sentinel.service.d/ssh-sessions.conf.";
        }
        else if (!machine.HasProgram("nft"))
        {
            yield return "The daemon cannot refuse attackers without the program nft: apt install nftables.";
        }

        if (settings.Routes && backends.Any(backend => backend.Networks.Count > 0) && !machine.HasProgram("ip"))
        {
            yield return "The daemon cannot set routes to the networks of backends without the program ip: apt install iproute2, or \"routes\": false in \"ssh\".";
        }

        if (Low(backends) is { } port && machine.Setting("net/ipv4/ip_unprivileged_port_start") is { } start && start > port)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"sshd may not listen on port {port} for a VM that connects out: copy packaging/systemd/sentinel-tunnels.sysctl.conf to /etc/sysctl.d, then sysctl --system; or offer a port from {start} on.");
        }

        foreach (var need in settings.Login is { } login ? OfLogin(login, machine) : [])
        {
            yield return need;
        }
    }

    private static IEnumerable<string> OfLogin(LoginSettings login, Machine machine)
    {
        if (!machine.HasLibrary("libnss_extrausers.so.2"))
        {
            yield return "Users cannot log in by name without libnss-extrausers: apt install libnss-extrausers.";
        }

        var sources = machine.Lines("/etc/nsswitch.conf").FirstOrDefault(line => line.StartsWith("passwd:", StringComparison.Ordinal)) ?? "";
        if (!sources.Split((char[])[' ', '\t', ':']).Contains("extrausers"))
        {
            yield return "Users cannot log in by name while \"extrausers\" is not in the passwd line of /etc/nsswitch.conf: add it after \"files\".";
        }

        if (machine.Entry("/etc/group", JumpPlaces.RoutedGroup) is not [_, _, var number, ..] || number != JumpPlaces.RoutedGroupId.ToString(CultureInfo.InvariantCulture))
        {
            yield return $"There is no group \"{JumpPlaces.RoutedGroup}\" with the number {JumpPlaces.RoutedGroupId}: copy packaging/systemd/sentinel.sysusers to /etc/sysusers.d/sentinel.conf, then systemd-sysusers.";
        }

        if (!machine.Exists(login.Program))
        {
            yield return $"The program that sends users on is not there ({login.Program}): copy the programs of packaging/ssh to /usr/local/lib/sentinel.";
        }

        if (!machine.Exists(login.Accounts) || !machine.Exists(login.Agent))
        {
            yield return $"{login.Accounts} or {login.Agent} is not there: copy packaging/systemd/sentinel.tmpfiles to /etc/tmpfiles.d/sentinel.conf, then systemd-tmpfiles --create.";
        }

        if (!machine.HasUnit("sentinel-agent.service") || !machine.HasUnit("sentinel-agent-users.socket") || !machine.HasUnit("sentinel-agent-users.service"))
        {
            yield return "The agent with the sentinel's own key is not installed: copy packaging/systemd/sentinel-agent* to /etc/systemd/system, then systemctl enable --now sentinel-agent sentinel-agent-users.socket.";
        }
    }

    /// <summary>That of tunnels is looked at where there are tunnels.</summary>
    private static IEnumerable<string> Accounts(JumpSettings settings, IReadOnlyCollection<BackendDefinition> backends) =>
        backends.Any(backend => backend.Tunnel is not null) ? [settings.Account, settings.TunnelAccount] : [settings.Account];

    /// <summary>The lowest port that a tunnel offers, if it is one that not everybody may have.</summary>
    private static int? Low(IReadOnlyCollection<BackendDefinition> backends) =>
        backends.SelectMany(backend => backend.Tunnel?.Ports ?? []).Where(port => port < FirstFreePort).Select(port => (int?)port).Min();
}
