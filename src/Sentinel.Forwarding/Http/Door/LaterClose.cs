using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Connections.Features;

namespace Sentinel.Forwarding.Http.Door;

/// <summary>Asks Kestrel for the end of a connection that it was given in the middle.</summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "It has no timer and no handle, and may be asked at any time.")]
internal sealed class LaterClose : IConnectionLifetimeNotificationFeature
{
    private readonly CancellationTokenSource _asked = new();

    public LaterClose() => ConnectionClosedRequested = _asked.Token;

    public CancellationToken ConnectionClosedRequested { get; set; }

    public void RequestClose() => _asked.Cancel();
}
