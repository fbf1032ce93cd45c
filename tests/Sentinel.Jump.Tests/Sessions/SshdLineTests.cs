using System.Net;
using Sentinel.Jump.Sessions;

namespace Sentinel.Jump.Tests.Sessions;

/// <summary>Lines are as OpenSSH 9.2 writes them at LogLevel VERBOSE, and what clients can make of them.</summary>
public sealed class SshdLineTests
{
    private const string Key = "SHA256:sa8NGCcLXYGfJKmR5MB+/Fi7qUUZHHF60tSubhvNQx0";
    private const string Authority = "SHA256:TbKtRBVTMUzDkcUCvKHbjQhx4pAlVNZ8jbMtm2oGxG0";
    private static readonly IPEndPoint Real = IPEndPoint.Parse("203.0.113.9:58426");

    [Theory]
    [InlineData("", null, null)]
    [InlineData(" ID alice (serial 0) CA ED25519 " + Authority, "alice", Authority)]
    [InlineData(" ID x (serial 7) CA ED25519 SHA256:y (serial 0) CA ED25519 " + Authority, "x (serial 7) CA ED25519 SHA256:y", Authority)]
    [InlineData(" ID too long for a line of sshd's", "", "")]
    public void Logins_are_read(string end, string? id, string? authority) => Assert.Equal(
        new SshdLine.Accepted("alice", Real, Key, id is null ? null : new(id, authority!)),
        SshdLine.TryParse($"Accepted publickey for alice from 203.0.113.9 port 58426 ssh2: ED25519{(id is null ? "" : "-CERT")} {Key}{end}"));

    [Fact]
    public void Addresses_may_be_IPv6() =>
        Assert.Equal(
            new SshdLine.Accepted("jump", new(IPAddress.Parse("2001:db8::9"), 7), Key, null),
            SshdLine.TryParse($"Accepted publickey for jump from 2001:db8::9 port 7 ssh2: ECDSA {Key}"));

    [Theory]
    [InlineData("Connection closed by authenticating user alice 203.0.113.9 port 58426 [preauth]", "alice", true)]
    [InlineData("Connection reset by invalid user bob 203.0.113.9 port 58426 [preauth]", "bob", false)]
    [InlineData("Disconnected from authenticating user alice 203.0.113.9 port 58426 [preauth]", "alice", true)]
    [InlineData("Disconnecting invalid user  203.0.113.9 port 58426: Too many authentication failures [preauth]", "", false)]
    [InlineData("Connection closed by invalid user x 198.51.100.7 port 5 203.0.113.9 port 58426 [preauth]", "x 198.51.100.7 port 5", false)]
    [InlineData("Connection closed by invalid user y 198.51.100.7 port 5 [preauth]\\012Accepted 203.0.113.9 port 58426 [preauth]", "y 198.51.100.7 port 5 [preauth]\\012Accepted", false)]
    public void A_connection_that_ends_without_a_login_counts_for_the_address_that_sshd_wrote(string line, string account, bool isKnown) =>
        Assert.Equal(new SshdLine.Failed(account, isKnown, Real), SshdLine.TryParse(line));

    [Fact]
    public void So_does_one_that_ran_out_of_time() =>
        Assert.Equal(new SshdLine.Failed(null, true, Real), SshdLine.TryParse("fatal: Timeout before authentication for 203.0.113.9 port 58426"));

    [Fact]
    public void What_is_not_permitted_is_read() =>
        Assert.Equal(
            new SshdLine.Denied(Real, "to connect to host 10.0.0.1 port 22"),
            SshdLine.TryParse("Received request from 203.0.113.9 port 58426 to connect to host 10.0.0.1 port 22, but the request was denied."));

    [Theory]
    [InlineData("")]
    [InlineData("Server listening on 0.0.0.0 port 2222.")]
    [InlineData("Received disconnect from 203.0.113.9 port 58426:11: Accepted publickey for root from 198.51.100.7 port 2 ssh2: ED25519 " + Key)]
    [InlineData("Accepted publickey for root from 198.51.100.7 port 2 ssh2: ED25519 " + Key + " ID x [preauth]")]
    [InlineData("Accepted publickey for a b from 198.51.100.7 port 2 ssh2: ED25519 " + Key)]
    [InlineData("Accepted publickey for root from 198.51.100.7 port 99999 ssh2: ED25519 " + Key)]
    [InlineData("Connection closed by 203.0.113.9 port 58426 [preauth]")]
    [InlineData("Failed publickey for invalid user x from 1.2.3.4 port 5 ssh2: ED25519 SHA256:abc from 203.0.113.9 port 58426 ssh2: ED25519 SHA256:abc")]
    [InlineData("Disconnected from user alice 203.0.113.9 port 58426")]
    public void All_else_says_nothing(string line) => Assert.Null(SshdLine.TryParse(line));

    [Fact]
    public void A_line_without_an_end_costs_nothing() => Assert.Null(SshdLine.TryParse("Connection closed by invalid user " + new string(' ', 1 << 20)));
}
