using System.Diagnostics;
using System.Net;

namespace Sentinel.Service.Demo;

/// <summary>Keys and files that let one log in to the demo's VMs with a real OpenSSH server, as the user who runs it and without asking.</summary>
internal sealed class DemoSsh
{
    private static readonly string[] Folders = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"];

    private readonly string _folder;

    private DemoSsh(string folder, string server) => (_folder, Server) = (folder, server);

    /// <summary>The program, by its full path: it starts itself again under that.</summary>
    public string Server { get; }

    /// <summary>The server's configuration.</summary>
    public string ServerConfiguration => Path.Combine(_folder, "sshd_config");

    /// <summary>What the client is called with.</summary>
    public string ClientConfiguration => Path.Combine(_folder, "ssh_config");

    /// <summary>Makes everything in the folder.</summary>
    /// <param name="folder">The demo's own.</param>
    /// <param name="listener">Where the sentinel accepts.</param>
    /// <returns>Null where OpenSSH is not installed.</returns>
    public static async Task<DemoSsh?> PrepareAsync(string folder, IPEndPoint listener, CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsWindows() || Find("sshd") is not { } server || Find("ssh-keygen") is not { } generator)
        {
            return null;
        }

        var ssh = new DemoSsh(folder, server);
        foreach (var key in (string[])["host_key", "user_key"])
        {
            using var making = Process.Start(new ProcessStartInfo(generator, ["-q", "-t", "ed25519", "-N", "", "-C", "sentinel-demo", "-f", Path.Combine(folder, key)]))!;
            await making.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            if (making.ExitCode != 0)
            {
                return null;
            }
        }

        // Both VMs have the same host key, as machines behind one address must.
        File.WriteAllText(ssh.ServerConfiguration, $"""
            HostKey {folder}/host_key
            AuthorizedKeysFile {folder}/user_key.pub
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitRootLogin prohibit-password
            UsePAM no
            StrictModes no
            PidFile none
            PrintMotd no
            LogLevel ERROR
            Subsystem sftp internal-sftp

            """);
        var hostKey = string.Join(' ', File.ReadAllText(Path.Combine(folder, "host_key.pub")).Split(' ').Take(2));
        File.WriteAllText(Path.Combine(folder, "known_hosts"), $"[{listener.Address}]:{listener.Port} {hostKey}\n");
        File.WriteAllText(ssh.ClientConfiguration, $"""
            Host demo
                HostName {listener.Address}
                Port {listener.Port}
                User {Environment.UserName}
                IdentityFile {folder}/user_key
                IdentitiesOnly yes
                UserKnownHostsFile {folder}/known_hosts
                StrictHostKeyChecking yes

            """);
        if (Environment.IsPrivilegedProcess)
        {
            // sshd of root insists on it; a package's unit would make it.
            Directory.CreateDirectory("/run/sshd");
        }

        return ssh;
    }

    private static string? Find(string program) => Folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
}
