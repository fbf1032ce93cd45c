using System.IO.Pipelines;

namespace Sentinel.Forwarding.Http.Transports;

/// <summary>A connection's bytes, lent to somebody who may not give them back.</summary>
internal interface IAbandonablePipe : IDuplexPipe
{
    /// <summary>Whoever it was lent to forgot it, and may still hold its memory: that becomes nobody else's, and nothing is waited for. Any thread.</summary>
    void Abandon();
}
