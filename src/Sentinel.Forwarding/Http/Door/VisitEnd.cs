namespace Sentinel.Forwarding.Http.Door;

/// <summary>What is next on a connection.</summary>
internal enum VisitEnd
{
    /// <summary>Another request.</summary>
    None,

    /// <summary>Nothing: it ends.</summary>
    Over,

    /// <summary>Something for Kestrel, which nobody has consumed.</summary>
    Kestrel,

    /// <summary>The same, in HTTP/2 from its preface on.</summary>
    Http2,
}
