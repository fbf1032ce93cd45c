using Sentinel.Service.Configuration;
using Sentinel.Testing;

namespace Sentinel.Service.Tests.Configuration;

/// <summary>Files that cannot be read, and what the client takes from a file that is wrong.</summary>
public sealed class SourceTests(Files files) : IClassFixture<Files>
{
    private const string Rest = "\"backends\": { \"a\": { \"address\": \"10.0.0.1\" } }, \"pools\": {}, \"listeners\": {} }";

    [Fact]
    public void A_missing_file_is_an_error_like_any_other() => Assert.Equal(
        [$"{files["nothing.json"]}: found no such file, expected the configuration: write one there, or name another with --config FILE"],
        Source("nothing.json").Read().Lines);

    [Fact]
    public void A_file_below_a_file_is_no_file() => Assert.Equal(
        [$"{files["token"]}/x.json: found no such file, expected the configuration: write one there, or name another with --config FILE"],
        new ConfigurationSource(files["token"] + "/x.json", files.Environment()).Read().Lines);

    [Fact]
    public void A_directory_is_not_read() => Assert.Equal(
        [$"{files.Folder}: found a directory, expected the configuration file"],
        new ConfigurationSource(files.Folder, files.Environment()).Read().Lines);

    [Fact]
    public void A_name_that_no_file_can_have_is_not_read() => Assert.Equal(
        [": found a file that this user cannot read, expected the configuration file"],
        new ConfigurationSource("", files.Environment()).Read().Lines);

    [NeedsFact("linux")]
    public void An_endless_file_is_not_read() => Assert.Equal(
        ["/dev/zero: found a file of more than 4 MiB, expected a configuration file, which is much shorter"],
        new ConfigurationSource("/dev/zero", files.Environment()).Read().Lines);

    [Fact]
    public void A_good_file_is_read()
    {
        var result = Write("good.json", "{ " + Rest).Read();
        Assert.True(result.IsGood, string.Join('\n', result.Lines));
        Assert.Equal("front-1", result.Configuration.Name);
    }

    [Fact]
    public void The_client_reads_admin_of_a_file_that_is_wrong_elsewhere()
    {
        var admin = Write("elsewhere.json", $$"""{ "backends": 5, "unknown": [], "admin": { "bind": "127.0.0.1:9000", "tokenFile": "{{files["token"]}}" } }""").ReadAdmin();
        Assert.Equal("127.0.0.1:9000", admin.Bind.ToString());
        Assert.Equal(Files.Token, admin.Token!.Reveal());
    }

    [Fact]
    public void The_client_learns_where_a_token_is_that_it_cannot_use()
    {
        var admin = Write("unusable.json", $$"""{ "admin": { "bind": "10.0.0.1:9000", "tokenFile": "{{files["token-open"]}}" } }""").ReadAdmin();
        Assert.Equal(("10.0.0.1:9000", files["token-open"], null), (admin.Bind.ToString(), admin.TokenFile, admin.Token));
    }

    [Theory]
    [InlineData("{ \"admin\": 5 }")]
    [InlineData("{ \"admin\": { \"bind\": 5, \"tokenFile\": null } }")]
    [InlineData("{ \"admin\": ")]
    [InlineData("{}")]
    public void The_client_makes_do_with_defaults(string text) => Assert.Equal(new AdminSettings(), Write("odd.json", text).ReadAdmin());

    [Fact]
    public void The_client_follows_the_environment()
    {
        var source = new ConfigurationSource(files["nothing.json"], files.Environment(("SENTINEL_admin__bind", "127.0.0.1:9001")));
        Assert.Equal("127.0.0.1:9001", source.ReadAdmin().Bind.ToString());
    }

    [Fact]
    public void A_secret_shows_nothing_of_itself()
    {
        var configuration = Write("secret.json", $$"""{ "admin": { "tokenFile": "{{files["token"]}}" }, {{Rest}}""").Read().Configuration!;
        Assert.DoesNotContain(Files.Token, configuration.ToString(), StringComparison.Ordinal);
        Assert.Equal("(secret)", configuration.Admin.Token!.ToString());
        Assert.True(configuration.Admin.Token.Matches(Files.Token));
        Assert.False(configuration.Admin.Token.Matches(Files.Token + "0"));
        Assert.False(configuration.Admin.Token.Matches(""));
    }

    private ConfigurationSource Source(string name) => new(files[name], files.Environment());

    private ConfigurationSource Write(string name, string text)
    {
        File.WriteAllText(files[name], text);
        return Source(name);
    }
}
