using System.Net;
using System.Net.Sockets;
using System.Text;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Prefaces;

public sealed class ProxyHeaderTests
{
    private const string Signature = "0d0a0d0a000d0a515549540a";

    public static TheoryData<string, string> Endings => new()
    {
        { "192.0.2.1:56324", "192.0.2.2:443" },
        { "[2001:db8::1]:56324", "[2001:db8::2]:443" },
        { "[::ffff:192.0.2.1]:1", "192.0.2.2:65535" },
    };

    [Theory]
    [MemberData(nameof(Endings))]
    public void What_is_written_is_read_back_whole_and_from_every_cut(string source, string destination)
    {
        foreach (var form in new[] { ProxyProtocol.V1, ProxyProtocol.V2 })
        {
            var buffer = new byte[ProxyHeader.MaxWritten + 3];
            var length = new ProxyHeader(IPEndPoint.Parse(source), IPEndPoint.Parse(destination)).Write(form, buffer);
            "SSH"u8.CopyTo(buffer.AsSpan(length));

            Assert.Equal(ProxyHeaderVerdict.Complete, ProxyHeader.Read(buffer.AsSpan(0, length + 3), out var header, out var read));
            Assert.Equal(length, read);
            Assert.Equal(IPEndPoint.Parse(source.Replace("[::ffff:192.0.2.1]", "192.0.2.1", StringComparison.Ordinal)), header.Source);
            Assert.Equal(IPEndPoint.Parse(destination), header.Destination);
            for (var cut = 0; cut < length; cut++)
            {
                Assert.Equal(ProxyHeaderVerdict.Incomplete, ProxyHeader.Read(buffer.AsSpan(0, cut), out _, out _));
            }
        }
    }

    [Theory]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n", "192.0.2.1:56324")]
    [InlineData("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\nrest", "[2001:db8::1]:1")]
    [InlineData("PROXY UNKNOWN\r\n", null)]
    [InlineData("PROXY UNKNOWN ffff:f...f:ffff whatever 65535 65535\r\n", null)]
    public void A_text_header_is_understood(string text, string? source)
    {
        Assert.Equal(ProxyHeaderVerdict.Complete, ProxyHeader.Read(Encoding.ASCII.GetBytes(text), out var header, out var length));
        Assert.Equal(source, header.Source?.ToString());
        Assert.Equal(text.IndexOf('\n') + 1, length);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("PROXX TCP4")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 1\r\n")]
    [InlineData("PROXY TCP4  192.0.2.1 192.0.2.2 56324 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2.256 192.0.2.2 56324 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2 192.0.2.2 56324 443\r\n")]
    [InlineData("PROXY TCP4 010.0.2.1 192.0.2.2 56324 443\r\n")]
    [InlineData("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n")]
    [InlineData("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n")]
    [InlineData("PROXY TCP6 [2001:db8::1] 2001:db8::2 1 2\r\n")]
    [InlineData("PROXY TCP6 fe80::1%eth0 2001:db8::2 1 2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 65536 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 -1 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 01 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 +1 443\r\n")]
    [InlineData("PROXY UDP4 192.0.2.1 192.0.2.2 1 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n")]
    public void Anything_else_is_refused(string text) =>
        Assert.Equal(ProxyHeaderVerdict.Invalid, ProxyHeader.Read(Encoding.ASCII.GetBytes(text), out _, out _));

    [Fact]
    public void A_line_without_end_is_refused_at_its_limit()
    {
        var line = Encoding.ASCII.GetBytes("PROXY UNKNOWN " + new string('x', 200));

        Assert.Equal(ProxyHeaderVerdict.Incomplete, ProxyHeader.Read(line.AsSpan(0, ProxyHeader.MaxV1Length - 1), out _, out _));
        Assert.Equal(ProxyHeaderVerdict.Invalid, ProxyHeader.Read(line.AsSpan(0, ProxyHeader.MaxV1Length), out _, out _));
    }

    [Theory]
    [InlineData("2111000cc0000201c0000202dc0401bb", "192.0.2.1:56324", 28)]
    [InlineData("21110013c0000201c0000202dc0401bb03000401020304", "192.0.2.1:56324", 35)]
    [InlineData("20000000", null, 16)]
    [InlineData("2011000cc0000201c0000202dc0401bb", null, 28)]
    [InlineData("21000003aabbcc", null, 19)]
    [InlineData("2112000cc0000201c0000202dc0401bb", null, 28)]
    [InlineData("2112000fc0000201c0000202dc0401bb030000", null, 31)]
    public void A_binary_header_is_understood_and_its_extras_skipped(string hex, string? source, int expected)
    {
        Assert.Equal(ProxyHeaderVerdict.Complete, ProxyHeader.Read(Convert.FromHexString(Signature + hex + "ffff"), out var header, out var length));
        Assert.Equal(source, header.Source?.ToString());
        Assert.Equal(expected, length);
    }

    [Theory]
    [InlineData(0x22, 36)]
    [InlineData(0x31, 216)]
    [InlineData(0x32, 216)]
    public void A_valid_family_that_is_not_supported_counts_as_none(int family, int size)
    {
        byte[] header = [.. Convert.FromHexString(Signature), 0x21, (byte)family, 0, (byte)size, .. new byte[size]];

        Assert.Equal(ProxyHeaderVerdict.Complete, ProxyHeader.Read(header, out var read, out var length));
        Assert.Null(read.Source);
        Assert.Equal(header.Length, length);
        header[15]--;
        Assert.Equal(ProxyHeaderVerdict.Invalid, ProxyHeader.Read(header, out _, out _));
    }

    [Theory]
    [InlineData("1111000cc0000201c0000202dc0401bb")]
    [InlineData("2211000cc0000201c0000202dc0401bb")]
    [InlineData("2113000cc0000201c0000202dc0401bb")]
    [InlineData("2131000cc0000201c0000202dc0401bb")]
    [InlineData("2111000bc0000201c0000202dc0401")]
    [InlineData("2121000cc0000201c0000202dc0401bb")]
    [InlineData("2111ffff")]
    public void A_binary_header_that_no_TCP_listener_can_mean_is_refused(string hex) =>
        Assert.Equal(ProxyHeaderVerdict.Invalid, ProxyHeader.Read(Convert.FromHexString(Signature + hex), out _, out _));

    [Fact]
    public void Random_bytes_never_throw_and_never_claim_more_than_there_is()
    {
        var random = new Random(5);
        for (var round = 0; round < 100_000; round++)
        {
            var bytes = new byte[random.Next(64)];
            random.NextBytes(bytes);
            var start = Convert.FromHexString(Signature + "21");
            if (round % 2 == 0)
            {
                start.AsSpan(0, Math.Min(start.Length, bytes.Length)).CopyTo(bytes);
            }

            if (ProxyHeader.Read(bytes, out _, out var length) == ProxyHeaderVerdict.Complete)
            {
                Assert.InRange(length, 1, bytes.Length);
            }
        }
    }

    [Theory]
    [InlineData("PROXY TCP4 ", true)]
    [InlineData("", false)]
    public async Task One_that_is_given_up_in_the_middle_is_nobodys_any_more(string begun, bool isTaken)
    {
        using var listening = new TcpListener(IPAddress.Loopback, 0);
        listening.Start();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listening.LocalEndpoint);
        using var server = await listening.AcceptSocketAsync();
        using var stop = new CancellationTokenSource();
        var receiver = new Taking(new SocketReceiver(server));
        var reading = ProxyHeaderReader.ReadAsync(receiver, stop.Token).AsTask();
        await client.SendTextAsync(begun);
        await Eventually.TrueAsync(() => receiver.Taken == begun.Length);

        await stop.CancelAsync();

        if (isTaken)
        {
            Assert.Equal(ProxyHeaderVerdict.Invalid, (await reading).Verdict);
        }
        else
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        }
    }

    [Fact]
    public void Without_addresses_it_says_so()
    {
        var buffer = new byte[ProxyHeader.MaxWritten];

        Assert.Equal("PROXY UNKNOWN\r\n", Encoding.ASCII.GetString(buffer, 0, default(ProxyHeader).Write(ProxyProtocol.V1, buffer)));
        Assert.Equal(Signature + "20000000", Convert.ToHexStringLower(buffer.AsSpan(0, default(ProxyHeader).Write(ProxyProtocol.V2, buffer))));
        Assert.Equal(0, default(ProxyHeader).Write(ProxyProtocol.None, buffer));
    }

    /// <summary>Tells how much was taken out.</summary>
    private sealed class Taking(IReceiver inner) : IReceiver
    {
        private volatile int _taken;

        public int Taken => _taken;

        public async ValueTask<int> ReceiveAsync(Memory<byte> target, SocketFlags flags, CancellationToken cancellationToken)
        {
            var length = await inner.ReceiveAsync(target, flags, cancellationToken);
            _taken += flags == SocketFlags.None ? length : 0;
            return length;
        }
    }
}
