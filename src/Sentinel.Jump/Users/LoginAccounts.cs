using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Sentinel.Jump.Files;
using Sentinel.Jump.KeySync;

namespace Sentinel.Jump.Users;

/// <summary>Accounts for users who exist on backends alone, as libnss-extrausers reads them (passwd(5)). One caller at a time.</summary>
internal sealed class LoginAccounts(JumpPlaces places, ILogger logger)
{
    private const int Most = 25_000;
    private static readonly string Group = JumpPlaces.RoutedGroupId.ToString(CultureInfo.InvariantCulture);

    private readonly NumberBook _numbers = new(places.Logins);
    private ImmutableHashSet<string> _refused = [];

    /// <summary>Those of the users who may have one: none whose name the machine uses itself.</summary>
    public IReadOnlyList<JumpUser> Eligible(IEnumerable<JumpUser> users, string jumpAccount)
    {
        var taken = LocalAccounts.Read(jumpAccount);
        var all = users.ToLookup(user => taken.Contains(user.Name));
        foreach (var refused in all[true].Where(user => !_refused.Contains(user.Name)))
        {
            Log.LoginTaken(logger, refused.Name);
        }

        _refused = [.. all[true].Select(user => user.Name)];
        return [.. all[false]];
    }

    /// <summary>The text of the file, in which lines that are not ours stay.</summary>
    /// <param name="file">As it is; it need not exist.</param>
    /// <param name="users">Who has an account.</param>
    /// <exception cref="IOException">It cannot be read, or numbers cannot be kept.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public string Render(string file, IReadOnlyCollection<JumpUser> users)
    {
        var numbers = _numbers.Of([.. users.Select(user => user.Name)], Most, out var trouble);
        if (trouble is not null)
        {
            Log.LoginsDamaged(logger, trouble);
        }

        var others = File.Exists(file) ? File.ReadAllLines(file).Where(line => line.Length > 0 && line.Split(':').ElementAtOrDefault(3) != Group) : [];

        // "*" is no password and no lock either, so that sshd lets its keys in; nothing runs but what sshd is told to.
        var ours = numbers.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Key}:*:{JumpPlaces.RoutedGroupId + one.Value}:{Group}:Sent on by sentinel:/:/bin/sh"));
        return string.Concat(others.Concat(ours).Select(line => line + "\n"));
    }
}
