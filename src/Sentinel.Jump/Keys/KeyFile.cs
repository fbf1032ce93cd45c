using System.Collections.Immutable;
using System.Text;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.Keys;

/// <summary>The texts of key files (sshd(8), AUTHORIZED_KEYS FILE FORMAT), and of the files beside them that name certificates' principals.</summary>
internal static class KeyFile
{
    // Forwarding is refused by sshd's configuration; were it refused here, sshd's log would not say whose it was.
    private const string Login = "restrict,port-forwarding,pty,agent-forwarding";

    /// <summary>Of the shared account: what the owner of each key may open, and nothing else.</summary>
    /// <param name="users">By name.</param>
    /// <param name="destinationsOf">What a user may open, as <c>host:port</c>.</param>
    public static string Jump(IEnumerable<JumpUser> users, Func<JumpUser, IEnumerable<string>> destinationsOf)
    {
        // sshd takes the first line that has the key: one line for each, with all that its owners may.
        var owners = users.SelectMany(user => user.Keys.Select(key => (key, user))).GroupBy(one => one.key, one => one.user);
        var text = new StringBuilder();
        foreach (var group in owners)
        {
            Append(text, group.SelectMany(destinationsOf), $"{group.Key} {string.Join(',', group.Select(user => user.Name))}");
        }

        return text.ToString();
    }

    /// <summary>The same by the names in certificates.</summary>
    public static string JumpPrincipals(IEnumerable<JumpUser> users, Func<JumpUser, IEnumerable<string>> destinationsOf)
    {
        var text = new StringBuilder();
        foreach (var user in users)
        {
            Append(text, destinationsOf(user), user.Name);
        }

        return text.ToString();
    }

    /// <summary>The names in such a file as it was last written; none if it cannot be read.</summary>
    public static ImmutableHashSet<string> NamesIn(string principalsFile)
    {
        try
        {
            return [.. File.ReadLines(principalsFile).Select(line => line[(line.LastIndexOf(' ') + 1)..])];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Of one user who logs in here.</summary>
    public static string Of(JumpUser user) => string.Concat(user.Keys.Select(key => $"{Login} {key} {user.Name}\n"));

    /// <summary>The same by the name in a certificate.</summary>
    public static string PrincipalOf(JumpUser user) => $"{Login} {user.Name}\n";

    private static void Append(StringBuilder text, IEnumerable<string> destinations, string who)
    {
        var places = string.Concat(destinations.Distinct().Select(destination => $",permitopen=\"{destination}\""));
        if (places.Length > 0)
        {
            text.Append($"restrict,port-forwarding{places} {who}\n");
        }
    }
}
