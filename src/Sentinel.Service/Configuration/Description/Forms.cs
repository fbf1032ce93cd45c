using System.Net;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary>The shapes of single values that several objects of the file share.</summary>
internal static class Forms
{
    public static readonly FlagShape Flag = new();

    public static readonly WholeNumberShape<int> Port = new("a port", 1, IPEndPoint.MaxPort);

    /// <summary>How often something must happen, or how many there may be at most.</summary>
    public static readonly WholeNumberShape<int> Count = new("a whole number", 1, 1_000_000);

    /// <summary>How many there may be at most, where zero means any number.</summary>
    public static readonly WholeNumberShape<int> Limit = new("a whole number", 0, 1_000_000);

    /// <summary>A duration that may be zero.</summary>
    public static readonly DurationShape Duration = new(TimeSpan.Zero);

    /// <summary>A duration whose end something waits for: the bound keeps a slip from becoming a busy loop.</summary>
    public static readonly DurationShape Wait = new(TimeSpan.FromMilliseconds(10));

    public static readonly TextShape<string> AnyText = new(
        "text", (text, _) => text.Contains('\0', StringComparison.Ordinal) ? Refusal.Plain : text);

    public static readonly TextShape<string> Directory = new("the absolute path of a directory", LocalPath.Parse);

    public static readonly TextShape<string> ExistingDirectory = new("the absolute path of a directory that exists", LocalPath.ParseDirectory);

    public static readonly TextShape<string> ExistingFile = new("the absolute path of a file", LocalPath.ParseFile);

    public static readonly TextShape<BindAddress> Bind = new(ListenAddress.Expected, ListenAddress.Parse)
    {
        Noted = (address, node, reading) => reading.Addresses.Add(address, node),
    };

    public static readonly ReferenceShape<PoolId> Pool = new(NameKind.Pool, name => new(name));

    public static readonly ReferenceShape<BackendId> Backend = new(NameKind.Backend, name => new(name));
}
