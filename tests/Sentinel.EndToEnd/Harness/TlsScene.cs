namespace Sentinel.EndToEnd.Harness;

/// <summary>A web server behind an <c>http</c> and an <c>https</c> listener, and one with a certificate of its own (<c>backend.pem</c>) behind <c>tls</c>.</summary>
internal static class TlsScene
{
    public static object Pools { get; } = new { web = new { backends = new[] { "one" } }, secure = new { backends = new[] { "two" } } };

    /// <param name="web">The command of the web server.</param>
    public static Dictionary<string, object> Backends(Sandbox sandbox, string[] web) => new()
    {
        ["one"] = new
        {
            instance = "process/one",
            address = sandbox.Address(10),
            command = web,
            health = new { kind = "http", port = 8080, interval = "1s" },
        },
        ["two"] = new
        {
            instance = "process/two",
            address = sandbox.Address(11),
            command = (string[])
            [
                "/usr/bin/openssl", "s_server", "-accept", $"{sandbox.Address(11)}:8443", "-www",
                "-cert", sandbox.PathOf("backend.pem"), "-key", sandbox.PathOf("backend.key"),
            ],
            health = new { kind = "tls", port = 8443, interval = "1s" },
        },
    };

    public static object Listeners(Sandbox sandbox) => new
    {
        http = new { bind = new[] { $"{sandbox.Front}:8080" }, protocol = "http", pool = "web", port = 8080, redirectToHttps = true },
        https = new { bind = new[] { $"{sandbox.Front}:8443" }, protocol = "https", pool = "web", port = 8080 },
        tls = new { bind = new[] { $"{sandbox.Front}:9443" }, protocol = "tls", pool = "secure", port = 8443 },
    };

    /// <summary>Makes the second server's certificate, which it vouches for itself.</summary>
    public static async Task MakeCertificateAsync(Sandbox sandbox) => (await Shell.RunAsync(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=the-backend",
        "-keyout", sandbox.PathOf("backend.key"), "-out", sandbox.PathOf("backend.pem"))).Ok();
}
