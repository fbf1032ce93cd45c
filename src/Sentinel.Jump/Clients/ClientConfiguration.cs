using System.Globalization;
using System.Text;
using Sentinel.Jump.Addresses;
using Sentinel.Jump.Keys;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.Clients;

/// <summary>
/// The ~/.ssh/config that a user needs (ssh_config(5)). It carries host keys itself, by KnownHostsCommand of OpenSSH 8.5 and
/// later, so nothing is asked at the first connection and nobody can come in between; the same keys stand below as lines
/// for a known_hosts file, for older clients.
/// </summary>
/// <param name="Settings">As configured.</param>
/// <param name="Name">The sentinel's: what its entry is called.</param>
/// <param name="HostKey">The private sshd's own; null: not known.</param>
internal sealed record ClientConfiguration(JumpSettings Settings, string Name, AuthorizedKey? HostKey)
{
    private readonly StringBuilder _text = new();
    private readonly List<string> _knownHosts = [];

    private string Host => Settings.Host ?? Name;

    private string Front => $"{Name}-jump";

    /// <summary>For jumping: to the user's backend, and to everything that he may open besides.</summary>
    public string Jump(JumpUser user, StableAddress? home, AuthorizedKey? homeKey, Destinations destinations)
    {
        _text.Append(CultureInfo.InvariantCulture, $"""
            # SSH for {user.Name}: append this to ~/.ssh/config.


            """);
        Entry(Front, Host, Settings.Bind[0].Port, Settings.Account, Name, HostKey, jump: null);
        if (home is null)
        {
            _text.Append(CultureInfo.InvariantCulture, $"\n# {user.Name} is on no backend yet.\n");
            return Finish();
        }

        Entry(home.Backend.Name, home.Address.ToString(), Settings.StablePort, user.Name, home.Backend.Name, homeKey, Front);
        foreach (var destination in user.Allow)
        {
            var (host, port) = (Destinations.HostOf(destination), int.Parse(Destinations.PortOf(destination), CultureInfo.InvariantCulture));

            // Where several backends have the same address, the hop before decides which is meant.
            var isOne = destinations.IsOne(destination);
            var alias = string.Create(CultureInfo.InvariantCulture, $"{home.Backend}/{host}:{port}");
            Entry(isOne ? host : $"{home.Backend}-{host}", host, port, user.Name, alias, key: null, isOne ? Front : home.Backend.Name);
        }

        return Finish();
    }

    /// <summary>For logging in here and being sent on.</summary>
    public string Login(JumpUser user)
    {
        _text.Append(CultureInfo.InvariantCulture, $"""
            # SSH for {user.Name}: append this to ~/.ssh/config, then 'ssh {Name}' goes on to the server of {user.Name}.
            # Forwarding (-L, -D, -R, -W) is refused on this way, because it would begin at the sentinel: use -J, by the entries
            # that 'sentinel ssh-config {user.Name}' prints.


            """);
        Entry(Name, Host, Settings.Bind[0].Port, user.Name, Name, HostKey, jump: null);
        return Finish();
    }

    private void Entry(string entry, string host, int port, string user, string alias, AuthorizedKey? key, string? jump)
    {
        _text.Append(CultureInfo.InvariantCulture, $"Host {entry}\n    HostName {host}\n    Port {port}\n    User {user}\n    HostKeyAlias {alias}\n");
        if (jump is not null)
        {
            _text.Append(CultureInfo.InvariantCulture, $"    ProxyJump {jump}\n");
        }

        if (key is not null)
        {
            _text.Append(CultureInfo.InvariantCulture, $"    KnownHostsCommand /bin/echo {alias} {key}\n    StrictHostKeyChecking yes\n");
            _knownHosts.Add($"{alias} {key}");
        }

        _text.Append("    ServerAliveInterval 15\n\n");
    }

    private string Finish()
    {
        foreach (var line in _knownHosts.Prepend("Clients before OpenSSH 8.5: delete the KnownHostsCommand lines and add these to ~/.ssh/known_hosts."))
        {
            _text.Append(CultureInfo.InvariantCulture, $"# {line}\n");
        }

        return _text.ToString();
    }
}
