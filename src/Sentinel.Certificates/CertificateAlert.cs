namespace Sentinel.Certificates;

/// <summary>Something about a certificate that people should hear of.</summary>
/// <param name="At">When.</param>
/// <param name="Reason"><c>renewal_failed</c> or <c>expiring</c>.</param>
/// <param name="Message">For people.</param>
public sealed record CertificateAlert(DateTimeOffset At, string Reason, string Message);
