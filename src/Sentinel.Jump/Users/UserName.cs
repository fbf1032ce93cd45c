using System.Text.RegularExpressions;

namespace Sentinel.Jump.Users;

/// <summary>Names of users. They become file names, account names and arguments, so anything but this form is refused.</summary>
public static partial class UserName
{
    /// <summary>For the schema of the configuration.</summary>
    public const string Pattern = "^[a-z_][a-z0-9_-]{0,31}$";

    /// <summary>As an error asks for it.</summary>
    public const string Expected = "a user name: up to 32 lower-case letters, digits, \"_\" and \"-\", a letter or \"_\" first";

    /// <summary>Whether it is one.</summary>
    public static bool IsRight(string? name) => name is not null && WellFormed().IsMatch(name);

    [GeneratedRegex("^[a-z_][a-z0-9_-]{0,31}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex WellFormed();
}
