using System.Text.RegularExpressions;

namespace Sentinel.Service.Configuration.Values;

/// <summary>
/// Names that the user gives to backends, pools, listeners and instances. They become metric labels, file names and parts of
/// environment variables, where two underscores separate keys: hence none in a row, and none at an end.
/// </summary>
internal static partial class GivenName
{
    /// <summary>For the schema.</summary>
    public const string Pattern = Start + "$";

    /// <summary>As an error asks for it.</summary>
    public const string Expected = "up to 63 letters, digits, \".\", \"-\" and \"_\", a letter or digit first and last, and no two \"_\" in a row";

    private const string Start = "^(?!.*__)[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?";

    /// <summary>Whether a name may be given.</summary>
    public static bool IsRight(string name) => WellFormed().IsMatch(name);

    [GeneratedRegex(Start + "\\z", RegexOptions.CultureInvariant)]
    private static partial Regex WellFormed();
}
