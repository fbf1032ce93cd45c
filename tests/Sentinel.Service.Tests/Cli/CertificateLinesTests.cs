using Sentinel.Service.Admin.Documents;
using Sentinel.Service.Cli;

namespace Sentinel.Service.Tests.Cli;

public sealed class CertificateLinesTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void It_is_told_until_when_each_is_good_when_the_next_try_is_and_why_the_last_one_failed()
    {
        CertificateDocument[] held =
        [
            new(["example.com", "www.example.com"], "acme", Now.AddDays(89.5), Now.AddDays(59), null, "0A"),
            new(["lab.example.com"], "backend:spot-1", Now.AddDays(-1), null, null, "0B"),
            new(["new.example.com"], "acme", null, Now.AddMinutes(4), "dns: no such name (400)", null),
        ];

        Assert.Equal(
            """
            backend:spot-2: it answered 401
            NAMES                         SOURCE          UNTIL                   LEFT  NEXT TRY
            example.com, www.example.com  acme            2027-02-20 00:00Z  89 d 12 h  2027-01-20 12:00Z
            lab.example.com               backend:spot-1  2026-11-21 12:00Z    expired  -
            new.example.com               acme            none yet                   -  2026-11-22 12:04Z
              dns: no such name (400)
            """,
            string.Join('\n', CertificateLines.Of(held, [new("backend:spot-1", Now, null), new("backend:spot-2", null, "it answered 401")], Now, 120)));
    }

    [Fact]
    public void Where_nothing_is_held_it_is_told_what_https_shows() =>
        Assert.Equal(
            ["No certificate is held and none is ordered: https shows one that is signed by nobody. See: certificates in the configuration"],
            CertificateLines.Of([], [], Now, 120));
}
