using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Description;

/// <summary>
/// What the documentation specifies and this version does not do yet. Such a key is refused by name, and not taken for a
/// slip of the pen; where one value of it asks for nothing, that value is let pass. To build a key, move its line from here
/// to the object it belongs to.
/// </summary>
internal static class NotYet
{
    /// <summary>Keys of the whole file.</summary>
    public static readonly LaterKey[] TopLevel = [new("coordination")];

    /// <summary>Keys of a listener.</summary>
    public static readonly LaterKey[] Listener = [];

    /// <summary>Keys of <c>recovery</c>.</summary>
    public static readonly LaterKey[] Recovery = [];

    /// <summary>Values of a listener's <c>protocol</c>.</summary>
    public static readonly string[] Protocols = [];
}
