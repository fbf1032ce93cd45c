using System.Net.Security;
using System.Text;
using Sentinel.Forwarding.Prefaces;
using static Sentinel.Forwarding.Tests.Prefaces.HelloBytes;

namespace Sentinel.Forwarding.Tests.Prefaces;

public sealed class ClientHelloTests
{
    // A key share of ML-KEM-768 with X25519 (group 0x11ec), and what GREASE and ECH look like to who does not know them.
    private static readonly byte[] KeyShare = Extension(51, Sized16([0x11, 0xec, .. Sized16(new byte[1216])]));
    private static readonly byte[] Grease = Extension(0x3a3a, [0]);
    private static readonly byte[] Ech = Extension(0xfe0d, new byte[281]);

    [Theory]
    [InlineData("app.example.com", "app.example.com")]
    [InlineData("APP.Example.COM", "app.example.com")]
    [InlineData("app.example.com.", "app.example.com")]
    [InlineData("_dmarc.example.com", "_dmarc.example.com")]
    [InlineData("xn--bcher-kva.example", "xn--bcher-kva.example")]
    [InlineData("localhost", "localhost")]
    [InlineData("192.0.2.1", null)]
    [InlineData("2001:db8::1", null)]
    [InlineData("b\u00fccher.example", null)]
    [InlineData("a b", null)]
    [InlineData(".", null)]
    [InlineData(".example.com", null)]
    [InlineData("a/../b", null)]
    [InlineData("a\0b", null)]
    public void The_name_is_read_as_it_counts(string written, string? name)
    {
        Assert.Equal(TlsPreface.Hello, ClientHelloParser.Read(Make([.. Grease, .. Name(written), .. KeyShare]), out var hello));
        Assert.Equal(name, hello.ServerName);
    }

    [Fact]
    public void A_name_too_long_for_any_host_is_none()
    {
        Assert.Equal(TlsPreface.Hello, ClientHelloParser.Read(Make(Name(new string('a', 254))), out var hello));
        Assert.Null(hello.ServerName);
    }

    [Fact]
    public void No_name_and_no_extensions_at_all_are_hellos()
    {
        Assert.Equal(TlsPreface.Hello, ClientHelloParser.Read(Make([]), out var hello));
        Assert.Null(hello.ServerName);
        Assert.Equal(TlsPreface.Hello, ClientHelloParser.Read(Make(null), out hello));
        Assert.Null(hello.ServerName);
    }

    [Theory]
    [InlineData(true, "0a0a1301", "0403")]
    [InlineData(true, "c02fc02b", "08040603")]
    [InlineData(true, "cca9", "0503")]
    [InlineData(false, "1301", "08040401")] // signatures of RSA alone
    [InlineData(false, "1301", "")]
    [InlineData(false, "c02fc030cca8009c", "04030804")] // suites of RSA alone
    [InlineData(false, "c009", "0403")] // a suite that nobody here speaks
    public void Elliptic_curves_are_for_whom_both_signature_and_suite_suit(bool takesEcdsa, string suites, string signatures)
    {
        var extensions = Extension(13, Sized16(Convert.FromHexString(signatures)));

        Assert.Equal(TlsPreface.Hello, ClientHelloParser.Read(Make(extensions, suites: Convert.FromHexString(suites)), out var hello));
        Assert.Equal(takesEcdsa, hello.TakesEcdsa);
    }

    [Theory]
    [InlineData(true, "acme-tls/1")]
    [InlineData(false, "acme-tls/1", "h2")]
    [InlineData(false, "h2", "acme-tls/1")]
    [InlineData(false, "h2", "http/1.1")]
    public void An_acme_challenge_is_one_that_wants_nothing_else(bool isChallenge, params string[] protocols)
    {
        Assert.Equal(TlsPreface.Hello, ClientHelloParser.Read(Make([.. Name("a.example"), .. Alpn(protocols)]), out var hello));
        Assert.Equal(isChallenge, hello.IsAcmeChallenge);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(100)]
    [InlineData(1300)]
    [InlineData(16 * 1024)]
    public void However_it_is_cut_every_beginning_is_undecided_and_the_whole_is_read(int record)
    {
        var bytes = Make([.. Grease, .. KeyShare, .. Ech, .. Name("app.example.com")], record);

        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Equal(TlsPreface.Undecided, ClientHelloParser.Read(bytes.AsSpan(0, length), out _));
        }

        Assert.Equal(TlsPreface.Hello, ClientHelloParser.Read(bytes, out var hello));
        Assert.Equal("app.example.com", hello.ServerName);
    }

    [Fact]
    public void Sixteen_KiB_of_extensions_are_read()
    {
        var bytes = Make([.. Extension(21, new byte[16 * 1024 - 100]), .. Name("app.example.com")], record: 1200);

        Assert.Equal(TlsPreface.Hello, ClientHelloParser.Read(bytes, out var hello));
        Assert.Equal("app.example.com", hello.ServerName);
    }

    [Fact]
    public void What_follows_the_hello_does_not_matter()
    {
        byte[] earlyData = [20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 3, 9, 9, 9];

        Assert.Equal(TlsPreface.Hello, ClientHelloParser.Read(Make(Name("a.example"), after: earlyData), out var hello));
        Assert.Equal("a.example", hello.ServerName);
    }

    [Fact]
    public void More_than_anybody_needs_is_refused_and_not_waited_for()
    {
        Assert.Equal(TlsPreface.Malformed, ClientHelloParser.Read([22, 3, 1, 0x40, 0, 1, 1, 0, 0], out _));
        var crumbs = Make(Extension(21, new byte[16 * 1024 - 200]), record: 1);
        Assert.Equal(TlsPreface.Undecided, ClientHelloParser.Read(crumbs.AsSpan(0, ClientHelloParser.MostBytes - 1), out _));
        Assert.Equal(TlsPreface.Malformed, ClientHelloParser.Read(crumbs.AsSpan(0, ClientHelloParser.MostBytes), out _));
    }

    [Theory]
    [InlineData("G", "Undecided")]
    [InlineData("GET", "Undecided")]
    [InlineData("GET ", "PlainHttp")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PlainHttp")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PlainHttp")]
    [InlineData("get / HTTP/1.1\r\n", "Foreign")]
    [InlineData(" ", "Foreign")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", "Foreign")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Foreign")]
    [InlineData("\0", "Foreign")]
    [InlineData("\u0080\u002e\u0001\u0000\u0002", "Foreign")] // SSL 2
    [InlineData("\u0015\u0003\u0001\u0000\u0002\u0002\u0028", "Foreign")] // an alert
    [InlineData("\u0016\u0002", "Malformed")]
    [InlineData("\u0016\u0003\u0005", "Malformed")]
    [InlineData("\u0016\u0003\u0001\u0000\u0000", "Malformed")] // an empty record
    [InlineData("\u0016\u0003\u0001\u0040\u0001", "Malformed")] // a record too large
    [InlineData("\u0016\u0003\u0001\u0000\u0004\u0002\u0000\u0000\u0050", "Malformed")] // a ServerHello
    [InlineData("\u0016\u0003\u0001\u0000\u0001\u0001\u0017\u0003\u0003", "Malformed")] // data in the middle of a hello
    public void Anything_else_is_called_what_it_is(string start, string preface) =>
        Assert.Equal(preface, ClientHelloParser.Read(Encoding.Latin1.GetBytes(start), out _).ToString());

    [Fact]
    public void Contradictions_are_malformed()
    {
        byte[][] extensions =
        [
            [.. Name("a.example"), .. Name("b.example")], // a name twice
            [.. Alpn("h2"), .. Alpn("h2")],
            Extension(0, []),
            Extension(0, Sized16([])),
            Extension(0, Sized16([0, .. Sized16([])])), // an empty name
            Extension(0, Sized16([0, 0, 9, (byte)'a'])), // longer than its list
            Extension(0, [.. Sized16([0, .. Sized16("a"u8.ToArray())]), 1]), // a byte left over
            Extension(0, Sized16([0, .. Sized16("a"u8.ToArray()), 0, .. Sized16("b"u8.ToArray())])),
            Extension(16, Sized16([0])),
            Extension(16, Sized16([3, (byte)'h', (byte)'2'])),
            [0, 1, 0],
            [0, 1, 0, 9, 1],
        ];

        Assert.All(extensions, bad => Assert.Equal(TlsPreface.Malformed, ClientHelloParser.Read(Make(bad), out _)));
    }

    [Fact]
    public async Task A_real_client_is_understood()
    {
        var bytes = await RealAsync("App.Example.com", SslApplicationProtocol.Http2, SslApplicationProtocol.Http11);

        Assert.Equal(TlsPreface.Hello, ClientHelloParser.Read(bytes, out var hello));
        Assert.Equal(new ClientHello("app.example.com", IsAcmeChallenge: false, TakesEcdsa: true), hello);
        bytes = await RealAsync("a.example", new SslApplicationProtocol("acme-tls/1"));
        Assert.Equal(TlsPreface.Hello, ClientHelloParser.Read(bytes, out hello));
        Assert.Equal(new ClientHello("a.example", IsAcmeChallenge: true, TakesEcdsa: true), hello);
    }

    [Fact]
    public async Task Noise_and_damage_never_throw_and_no_verdict_is_taken_back()
    {
        var random = new Random(20_26);
        byte[][] seeds =
        [
            await RealAsync("app.example.com", SslApplicationProtocol.Http2),
            Make([.. Grease, .. Name("app.example.com"), .. Alpn("h2", "http/1.1"), .. KeyShare, .. Ech], record: 37),
            Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ];
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = (byte[])seeds[round % seeds.Length].Clone();
            for (var damage = random.Next(4); damage >= 0; damage--)
            {
                bytes[random.Next(Math.Min(bytes.Length, random.Next(2) == 0 ? 100 : bytes.Length))] = (byte)random.Next(256);
            }

            var (verdict, hello) = (TlsPreface.Undecided, default(ClientHello));
            foreach (var length in new[] { 1, random.Next(bytes.Length), random.Next(bytes.Length), bytes.Length }.Order())
            {
                var next = ClientHelloParser.Read(bytes.AsSpan(0, length), out var found);
                Assert.True(verdict == TlsPreface.Undecided || (next == verdict && found == hello), $"{verdict} became {next} in round {round}");
                (verdict, hello) = (next, found);
                Assert.True(hello.ServerName is null || (hello.ServerName.Length <= 253 && hello.ServerName.All(c => char.IsAsciiLetterOrDigit(c) || "-._".Contains(c))));
            }
        }
    }
}
