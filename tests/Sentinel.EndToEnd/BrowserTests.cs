using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Playwright;
using Sentinel.EndToEnd.Harness;
using Sentinel.EndToEnd.Systemd;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.EndToEnd;

/// <summary>
/// The outage page in a real browser, without JavaScript: how it looks on large and small screens, by day and by night, in clear and
/// over TLS (<c>artifacts/screenshots</c> keeps it), what it says, and that it lets go by itself once the VM is back.
/// </summary>
public sealed class BrowserTests : IAsyncLifetime
{
    // WCAG 2.2, 1.4.3: text of ordinary size.
    private const double LeastContrast = 4.5;

    private const string Name = "app.example.test";

    private readonly Sandbox _sandbox = new();
    private SentinelProcess _sentinel = null!;
    private IPlaywright _playwright = null!;

    private string Gate => _sandbox.PathOf("may-boot");

    private string InClear => $"http://{_sandbox.Front}:8080";

    private static string OverTls => $"https://{Name}:8443";

    public async Task InitializeAsync()
    {
        _playwright = await Playwright.CreateAsync();
        await File.WriteAllTextAsync(Gate, "");
        Directory.CreateDirectory(_sandbox.PathOf("held"));
        TestAuthority.Write(_sandbox.Folder, "root.pem", "held/certificate.crt", "held/certificate.key", Name);
        _sentinel = await _sandbox.StartAsync(new
        {
            backends = new Dictionary<string, object>
            {
                ["one"] = new
                {
                    instance = "process/one",
                    address = _sandbox.Address(10),
                    command = _sandbox.WebVm("one", _sandbox.Address(10), "--wait-for", Gate),
                    health = new { kind = "http", port = 8080, interval = "1s" },
                    recovery = new { backoff = new { initial = "500ms", max = "2s" } },
                },
            },
            pools = new { web = new { backends = new[] { "one" } } },
            listeners = new
            {
                http = new { bind = new[] { $"{_sandbox.Front}:8080" }, protocol = "http", pool = "web", port = 8080 },
                https = new { bind = new[] { $"{_sandbox.Front}:8443" }, protocol = "https", pool = "web", port = 8080 },
            },
            certificates = new { sync = new[] { new { directory = _sandbox.PathOf("held") } } },
        });
        await _sentinel.UntilAsync("one", "serving");

        // An outage to know the usual time from; the one after it lasts.
        await KillVmAsync();
        await Eventually.TrueAsync(async () => (double?)(await _sentinel.BackendAsync("one"))["lastOutageSeconds"] > 0, TimeSpan.FromSeconds(60));
        await _sentinel.UntilAsync("one", "serving");
        File.Delete(Gate);
        await KillVmAsync();
    }

    public async Task DisposeAsync()
    {
        _playwright.Dispose();
        await _sandbox.DisposeAsync();
    }

    [NeedsFact("chromium", "linux")]
    public async Task The_outage_page_reads_well_everywhere_and_lets_go_by_itself()
    {
        await using var browser = await _playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Needs.Find("chromium"),
            Args =
            [
                "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
                $"--host-resolver-rules=MAP {Name} {_sandbox.Front}", $"--ignore-certificate-errors-spki-list={KeyHeld()}",
            ],
        });
        foreach (var (screen, width, height) in new[] { ("desktop", 1280, 800), ("phone", 360, 740) })
        {
            foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
            {
                await using var context = await browser.NewContextAsync(new()
                {
                    JavaScriptEnabled = false,
                    ColorScheme = scheme,
                    ViewportSize = new() { Width = width, Height = height },
                });
                var page = await context.NewPageAsync();
                foreach (var (name, address) in new[] { ("outage", $"{InClear}/shop?x=1"), ("outage-https", $"{OverTls}/shop?x=1"), ("status", $"{InClear}/sentinel") })
                {
                    await page.GotoAsync(address);
                    await page.ScreenshotAsync(new() { Path = Path.Combine(Container.Repository, "artifacts", "screenshots", $"{name}-{screen}-{scheme.ToString().ToLowerInvariant()}.png") });
                    await AssertReadableAsync(page, isDark: scheme == ColorScheme.Dark);
                }
            }
        }

        await using var last = await browser.NewContextAsync(new() { JavaScriptEnabled = false });
        var waiting = new List<IPage>();
        foreach (var address in new[] { InClear, OverTls })
        {
            var page = await last.NewPageAsync();
            await page.GotoAsync(address);
            Assert.Equal("Back soon", await page.TitleAsync());
            Assert.Matches("It has been away for .+\\. This usually takes .+", await page.InnerTextAsync("main"));
            Assert.Equal(1, await page.Locator("progress[aria-label]").CountAsync());
            waiting.Add(page);
        }

        // Nobody touches them: they find the VM by themselves.
        await File.WriteAllTextAsync(Gate, "");
        foreach (var page in waiting)
        {
            await Eventually.TrueAsync(async () => await page.Locator("body").InnerTextAsync() == "one", TimeSpan.FromSeconds(60));
        }
    }

    /// <summary>By which Chromium knows the one certificate that it is to believe without knowing who signed it.</summary>
    private string KeyHeld()
    {
        using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(_sandbox.PathOf("held/certificate.crt")));
        return Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
    }

    private static async Task AssertReadableAsync(IPage page, bool isDark)
    {
        var found = (await page.EvaluateAsync(
            """
            () => {
                const channels = color => color.match(/[\d.]+/g).map(Number);
                const luminance = color => channels(color).slice(0, 3)
                    .map(value => value / 255)
                    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
                    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
                const ground = element => {
                    const color = getComputedStyle(element).backgroundColor;
                    return channels(color)[3] === 0 && element.parentElement ? ground(element.parentElement) : color;
                };
                const contrast = element => {
                    const [a, b] = [luminance(getComputedStyle(element).color), luminance(ground(element))].sort((x, y) => y - x);
                    return (a + 0.05) / (b + 0.05);
                };
                const texts = [...document.body.querySelectorAll('*')].filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
                return {
                    lang: document.documentElement.lang,
                    mode: document.compatMode,
                    title: document.title,
                    headings: [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(heading => heading.tagName).join(),
                    landmarks: document.querySelectorAll('main').length,
                    refresh: document.querySelectorAll('meta[http-equiv=refresh]').length,
                    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
                    smallest: Math.min(...texts.map(element => parseFloat(getComputedStyle(element).fontSize))),
                    contrast: Math.min(...texts.map(contrast)),
                    isDark: luminance(ground(document.querySelector('main'))) < 0.2,
                };
            }
            """))!.Value;

        Assert.Equal(("en", "CSS1Compat", "H1"), (Text("lang"), Text("mode"), Text("headings")));
        Assert.NotEmpty(Text("title"));
        Assert.Equal((1d, 1d, 0d), (Number("landmarks"), Number("refresh"), Number("overflow")));
        Assert.InRange(Number("smallest"), 14, 100);
        Assert.InRange(Number("contrast"), LeastContrast, 21);
        Assert.Equal(isDark, found.GetProperty("isDark").GetBoolean());

        string Text(string name) => found.GetProperty(name).GetString()!;

        double Number(string name) => found.GetProperty(name).GetDouble();
    }

    private async Task KillVmAsync()
    {
        Sandbox.KillWith($"--address {_sandbox.Address(10)} ");
        await _sentinel.UntilAsync("one", "stopping", "starting", "verifying", "waiting");
    }
}
