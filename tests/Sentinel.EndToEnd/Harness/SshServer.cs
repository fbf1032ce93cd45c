namespace Sentinel.EndToEnd.Harness;

/// <summary>Real OpenSSH servers with one host key between them, and a client that trusts it.</summary>
internal sealed class SshServer
{
    private readonly Sandbox _sandbox;

    private SshServer(Sandbox sandbox) => _sandbox = sandbox;

    /// <param name="front">Where the client connects; the sandbox's sentinel if null.</param>
    public static async Task<SshServer> CreateAsync(Sandbox sandbox, string? front = null, int port = 2222)
    {
        (await Shell.RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", sandbox.PathOf("host"))).Ok();
        (await Shell.RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", sandbox.PathOf("user"))).Ok();
        sandbox.Write("known_hosts", $"vm {await File.ReadAllTextAsync(sandbox.PathOf("host.pub"))}");
        sandbox.Write("ssh_config", $"""
            Host vm
              HostName {front ?? sandbox.Front}
              Port {port}
              User {Environment.UserName}
              HostKeyAlias vm
              UserKnownHostsFile {sandbox.PathOf("known_hosts")}
              IdentityFile {sandbox.PathOf("user")}
              IdentitiesOnly yes
              BatchMode yes
              ConnectTimeout 60
              LogLevel ERROR

            """);
        return new(sandbox);
    }

    /// <summary>The command of a VM that is an sshd on port 2222 of an address.</summary>
    public string[] Vm(string address)
    {
        var file = _sandbox.Write($"sshd-{address}", $"""
            ListenAddress {address}
            Port 2222
            HostKey {_sandbox.PathOf("host")}
            AuthorizedKeysFile {_sandbox.PathOf("user.pub")}
            PidFile none
            UsePAM no
            StrictModes no
            PermitRootLogin prohibit-password
            MaxStartups 500
            MaxSessions 500
            LogLevel ERROR
            Subsystem sftp internal-sftp

            """);
        return ["/usr/sbin/sshd", "-D", "-e", "-f", file];
    }

    /// <summary>Arguments for ssh, scp and sftp that choose the client's configuration.</summary>
    public string[] Client(params string[] more) => ["-F", _sandbox.PathOf("ssh_config"), .. more];

    public Task<Shell.Result> RunAsync(params string[] command) => Shell.RunAsync("ssh", Client(["vm", .. command]));

    public Task<Shell.Result> RunAsync(Stream input, params string[] command) => Shell.RunAsync("ssh", input, Client(["vm", .. command]));
}
