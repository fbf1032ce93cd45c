using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Values;

/// <summary>http and https URLs.</summary>
internal static class WebAddress
{
    /// <summary>As an error asks for it.</summary>
    public const string Expected = "an http:// or https:// URL";

    /// <summary>An absolute URL. A password in one is refused and never shown.</summary>
    public static Parsed<Uri> Parse(string text, ConfigurationEnvironment environment) =>
        text.Contains('@', StringComparison.Ordinal) ? new Refusal(Found: "a URL with \"@\" in it", Expected: $"{Expected} without user or password")
        : Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.Host.Length > 0 ? uri
        : Refusal.Plain;
}
