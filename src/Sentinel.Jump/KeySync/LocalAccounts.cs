namespace Sentinel.Jump.KeySync;

/// <summary>
/// Accounts of this machine: a VM that named one of them would open it to whoever it likes. What libnss-extrausers adds is
/// not among them, because that is our own doing.
/// </summary>
internal static class LocalAccounts
{
    /// <summary>Their names, now; passwd(5).</summary>
    /// <param name="ours">Accounts of the jump host itself, which may be anywhere.</param>
    public static IReadOnlySet<string> Read(params ReadOnlySpan<string> ours)
    {
        var names = new HashSet<string>(StringComparer.Ordinal) { "root" };
        foreach (var name in ours)
        {
            names.Add(name);
        }

        try
        {
            names.UnionWith(File.ReadLines("/etc/passwd").Select(line => line.Split(':')[0]));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // There is none where there is no sshd either.
        }

        return names;
    }
}
