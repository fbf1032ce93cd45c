using System.Text;

namespace Sentinel.Jump.Sshd;

/// <summary>
/// The private sshd's configuration (sshd_config(5), OpenSSH 9). Nobody may do anything but what a Match block allows, and only
/// by key: accounts of the machine that no block names cannot log in here at all.
/// </summary>
public static class SshdConfiguration
{
    private static readonly string[] Base =
    [
        "PidFile none",
        "UseDNS no",
        "VersionAddendum none",
        "LogLevel VERBOSE",
        "",
        "# Keys alone. Key files are written by the daemon, whole, and are not the users' own.",
        "AuthenticationMethods publickey",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "HostbasedAuthentication no",
        "UsePAM no",
        "PermitRootLogin no",
        "StrictModes no",
        "AuthorizedKeysFile none",
        "",
        "# An agent with ten keys shows them all before the right one; so do sixty users behind one address at nine o'clock.",
        "MaxAuthTries 20",
        "LoginGraceTime 30",
        "MaxStartups 100:30:300",
        "PerSourceMaxStartups 64",
        "PerSourceNetBlockSize 32:64",
        "MaxSessions 64",
        "",
        "# Whoever vanished without a word is noticed within a minute.",
        "TCPKeepAlive yes",
        "ClientAliveInterval 15",
        "ClientAliveCountMax 3",
        "",
        "AllowAgentForwarding no",
        "AllowTcpForwarding no",
        "AllowStreamLocalForwarding no",
        "GatewayPorts no",
        "PermitTunnel no",
        "PermitTTY no",
        "PermitUserEnvironment no",
        "PermitUserRC no",
        "X11Forwarding no",
        "PrintMotd no",
        "PrintLastLog no",
        "ForceCommand /usr/sbin/nologin",
        $"Subsystem sftp {JumpPlaces.SftpMark}",
        "",
        "# What ssh-audit has nothing to say against.",
        "KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512",
        "Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr",
        "MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com",
        "HostKeyAlgorithms ssh-ed25519",
        "CASignatureAlgorithms ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256",
    ];

    /// <summary>The whole file.</summary>
    public static string Render(JumpSettings settings, JumpPlaces places)
    {
        var text = new StringBuilder("# Written by 'sentinel sshd-config'; changes are lost.\n\n");
        foreach (var address in settings.Bind)
        {
            text.Append($"ListenAddress {address}\n");
        }

        text.Append($"HostKey {Quote(places.HostKey)}\n");
        text.AppendJoin('\n', Base).Append('\n');
        foreach (var block in Blocks(settings, places))
        {
            text.Append($"\nMatch {block.Criteria}\n");
            foreach (var line in block.Lines)
            {
                text.Append($"    {line}\n");
            }
        }

        return text.ToString();
    }

    /// <summary>Everybody who may log in.</summary>
    private static IEnumerable<MatchBlock> Blocks(JumpSettings settings, JumpPlaces places)
    {
        // Local forwarding alone: permitopen= in the key file does not stop -R.
        yield return new($"User {settings.Account}",
        [
            .. Keys(settings, places.JumpKeys),
            "AllowTcpForwarding local",
        ]);

        // A VM that connects out listens on its own address alone: permitlisten= in the key file. It may be gone without a word,
        // and then comes by another connection that needs this one's place.
        yield return new($"User {settings.TunnelAccount}",
        [
            $"AuthorizedKeysFile {Quote(places.TunnelKeys)}",
            "AllowTcpForwarding remote",
            "GatewayPorts clientspecified",
            "PermitListen any",
            "MaxSessions 0",
            "ClientAliveInterval 5",
            "ClientAliveCountMax 3",
        ]);
        if (settings.Login is { } login)
        {
            yield return new($"Group {JumpPlaces.RoutedGroup}",
            [
                .. Keys(settings, Path.Combine(places.UserKeys, "%u")),
                "PermitTTY yes",
                "AllowAgentForwarding yes",
                "AllowTcpForwarding yes",
                "PermitOpen none",
                "PermitListen none",
                "AcceptEnv LANG LC_*",
                $"ForceCommand exec {Quote(login.Program)} {Quote(places.Directory)} {Quote(login.UsersAgent)}",
            ]);
        }
    }

    private static IEnumerable<string> Keys(JumpSettings settings, string file)
    {
        yield return $"AuthorizedKeysFile {Quote(file)}";
        if (settings.TrustedUserCaFile is { } authorities)
        {
            yield return $"TrustedUserCAKeys {Quote(authorities)}";
            yield return $"AuthorizedPrincipalsFile {Quote(file + JumpPlaces.PrincipalsEnding)}";
        }
    }

    private static string Quote(string path) => path.AsSpan().ContainsAny(" \t\"#") ? $"\"{path}\"" : path;
}
