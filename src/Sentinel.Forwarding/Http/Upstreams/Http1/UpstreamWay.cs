using Sentinel.Forwarding.Http.Loops;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>What a connection must be like for an exchange to take it.</summary>
/// <param name="Port">The backend's.</param>
/// <param name="Tls">How TLS is spoken; null: it is not.</param>
/// <param name="Loop">Who waits for it: both sides of an exchange on one thread need nobody woken; null: .NET.</param>
internal readonly record struct UpstreamWay(int Port, UpstreamTls? Tls, SocketLoop? Loop);
