using Sentinel.Jump.Keys;

namespace Sentinel.Jump.Tests;

public sealed class AuthorizedKeyTests
{
    private const string Content = "AAAAC3NzaC1lZDI1NTE5AAAAIGDSHY8Yy2VFZ6mTMrnRSCNqLXVgH4pMCLYqzQDWG8Rt";

    [Theory]
    [InlineData($"ssh-ed25519 {Content}")]
    [InlineData($"ssh-ed25519 {Content} alice@home")]
    [InlineData($"  ssh-ed25519\t{Content}  ")]
    [InlineData($"restrict,from=\"10.0.0.0/8, ssh-rsa\",command=\"say \\\"hello\\\"\" ssh-ed25519 {Content} c")]
    public void A_key_is_found_behind_its_options_and_before_its_comment(string line) =>
        Assert.Equal($"ssh-ed25519 {Content}", AuthorizedKey.TryParse(line)?.ToString());

    [Theory]
    [InlineData("")]
    [InlineData("# ssh-ed25519 " + Content)]
    [InlineData("ssh-ed25519")]
    [InlineData("ssh-ed25519 AAAA")]
    [InlineData("ssh-rsa " + Content)]
    [InlineData("ssh-dss AAAAB3NzaC1kc3MAAAAA")]
    [InlineData("a b ssh-ed25519 " + Content)]
    [InlineData("ssh-ed25519 " + Content + "\nssh-ed25519 " + Content)]
    [InlineData("ssh-ed25519 not*base64")]
    public void Anything_else_is_none(string line) => Assert.Null(AuthorizedKey.TryParse(line));
}
