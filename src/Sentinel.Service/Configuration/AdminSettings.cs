using System.Net;

namespace Sentinel.Service.Configuration;

/// <summary>The admin endpoint as configured.</summary>
internal sealed record AdminSettings
{
    /// <summary>Where it listens unless the file says otherwise.</summary>
    public static readonly IPEndPoint DefaultBind = new(IPAddress.Loopback, 8888);

    /// <summary>Where it listens. Not loopback only together with a <see cref="Token"/>.</summary>
    public IPEndPoint Bind { get; init; } = DefaultBind;

    /// <summary>The token's file; null if there is none.</summary>
    public string? TokenFile { get; init; }

    /// <summary>What <see cref="TokenFile"/> held when the configuration was read.</summary>
    public Secret? Token { get; init; }
}
