namespace Sentinel.Certificates;

/// <summary>How a certificate came to us.</summary>
public enum CertificateOrigin
{
    /// <summary>We ordered it.</summary>
    Acme,

    /// <summary>A VM gave it.</summary>
    Backend,

    /// <summary>It was found in a directory.</summary>
    Directory,
}

/// <summary>Where a certificate came from.</summary>
/// <param name="Origin">How.</param>
/// <param name="From">The backend or the directory; empty for our own orders.</param>
public sealed record CertificateSource(CertificateOrigin Origin, string From = "")
{
    /// <summary>Our own orders.</summary>
    public static CertificateSource Acme { get; } = new(CertificateOrigin.Acme);

    /// <summary>The word for the kind, as status, metrics and files have it.</summary>
    public string Word => Origin switch
    {
        CertificateOrigin.Acme => "acme",
        CertificateOrigin.Backend => "backend",
        _ => "directory",
    };

    /// <inheritdoc/>
    public override string ToString() => From.Length == 0 ? Word : $"{Word}:{From}";

    /// <summary>Reads what <see cref="ToString"/> wrote; a directory called nothing for what it cannot read.</summary>
    public static CertificateSource Parse(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var (word, from) = colon < 0 ? (text, "") : (text[..colon], text[(colon + 1)..]);
        return word switch
        {
            "acme" => Acme,
            "backend" => new(CertificateOrigin.Backend, from),
            _ => new(CertificateOrigin.Directory, from),
        };
    }
}
