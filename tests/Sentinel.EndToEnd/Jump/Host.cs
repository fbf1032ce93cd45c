using System.Diagnostics;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Jump;

/// <summary>A machine of the network: its own interfaces, its own users, its own sshd.</summary>
internal sealed class Host(string name, string folder) : IDisposable
{
    private readonly List<Process> _running = [];
    private readonly List<string> _users = [];

    public string Name => name;

    public NetworkNamespace Network { get; } = new("jmp");

    public string PathOf(string file) => Path.Combine(folder, $"{name}-{file}");

    /// <summary>Adds users who exist on this machine only, and what each may log in with here.</summary>
    public void AddUsers(Dictionary<string, string> publicKeys)
    {
        Directory.CreateDirectory(PathOf("keys"));
        foreach (var (user, key) in publicKeys)
        {
            _users.Add(user);
            File.WriteAllText(Path.Combine(PathOf("keys"), user), key + "\n");
        }
    }

    /// <summary>Starts this machine's sshd on port 22 of all its addresses. Its sessions can tell where they are: $MACHINE.</summary>
    public async Task StartSshAsync(string hostKey)
    {
        var file = PathOf("sshd_config");
        await File.WriteAllTextAsync(file, $"""
            Port 22
            HostKey {hostKey}
            AuthorizedKeysFile {PathOf("keys")}/%u
            PidFile none
            UsePAM no
            StrictModes no
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            MaxAuthTries 20
            MaxStartups 500
            MaxSessions 500
            LogLevel ERROR
            SetEnv MACHINE={name}
            Subsystem sftp internal-sftp

            """);
        Run("/usr/sbin/sshd", "-D", "-e", "-f", file);
        await Eventually.TrueAsync(() => Listens(22));
    }

    /// <summary>Starts a program here that goes on until <see cref="Stop"/>; this machine's users are all it knows besides the system's.</summary>
    public Process Run(params string[] command)
    {
        WriteUsers();
        var process = Shell.Start("ip", ["netns", "exec", Network.Name, .. Own(command)]);
        _ = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
        _running.Add(process);
        return process;
    }

    /// <summary>Runs a program here to its end.</summary>
    public Task<Shell.Result> DoAsync(params string[] command) => DoAsync(null, command);

    /// <summary>Runs a program here to its end.</summary>
    public Task<Shell.Result> DoAsync(Stream? input, params string[] command) =>
        Shell.RunAsync("ip", input, ["netns", "exec", Network.Name, .. command]);

    /// <summary>It vanishes without a word: nothing comes in or goes out, and nobody is told.</summary>
    public void Vanish() => Network.Feed(
        """
        table inet gone {
            chain in { type filter hook input priority -500; policy drop; iif != lo drop; iif lo accept; }
            chain out { type filter hook output priority -500; policy drop; oif != lo drop; oif lo accept; }
            chain through { type filter hook forward priority -500; policy drop; }
        }
        """,
        "nft", "-f", "-");

    /// <summary>It can be reached again.</summary>
    public void Return() => Network.Do("nft", "delete", "table", "inet", "gone");

    /// <summary>It has another address from now on, and nobody answers at the old one.</summary>
    public void Move(string from, string to, string gateway)
    {
        var link = Network.Do("ip", "-o", "-4", "address", "show", "to", from).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        Network.Do("ip", "address", "flush", "dev", link);
        Network.Do("ip", "address", "add", $"{to}/24", "dev", link);
        Network.Do("ip", "route", "add", "default", "via", gateway);
    }

    /// <summary>Ends all that runs here, at once, as a power cut would.</summary>
    public void Stop()
    {
        foreach (var process in _running)
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
            }

            process.Dispose();
        }

        _running.Clear();
        foreach (var id in Network.Processes())
        {
            try
            {
                Process.GetProcessById(id).Kill();
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                // ended meanwhile
            }
        }

        // A machine without power has no kernel that would go on to say goodbye.
        Network.Do("ss", "-K", "-H", "state", "all");
    }

    /// <summary>A firewall before it: it may connect out, and nobody can connect to it.</summary>
    public void CloseToOthers() => Network.Feed(
        """
        table inet firewall {
            chain in { type filter hook input priority 0; policy accept; iif != lo ct state new drop; }
        }
        """,
        "nft", "-f", "-");

    public bool Listens(int port) => Network.Do("ss", "-Hltn", $"sport = :{port}").Trim().Length > 0;

    public void Dispose()
    {
        Stop();
        Network.Dispose();
    }

    /// <summary>A command with an /etc/passwd of this machine's own.</summary>
    private string[] Own(string[] command) =>
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", "mount --bind \"$0\" /etc/passwd && exec \"$@\"", PathOf("passwd"), .. command];

    /// <summary>Written in place: a bind mount shows the file, not its name.</summary>
    private void WriteUsers()
    {
        var lines = File.ReadLines("/etc/passwd").Concat(_users.Select((user, i) => $"{user}:*:{20_000 + i}:65534::{folder}/home:/bin/sh"));
        File.WriteAllText(PathOf("passwd"), string.Join('\n', lines) + "\n");
    }
}
