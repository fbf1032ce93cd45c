using Sentinel.Service.Admin;
using Sentinel.Service.Configuration;
using Sentinel.Testing;

namespace Sentinel.Service.Tests.Admin;

public sealed class AdminTokenTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-token-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Without_a_configured_file_the_daemon_makes_its_own_and_keeps_it()
    {
        var made = AdminToken.Of(new AdminSettings(), _folder);

        var token = AdminToken.TryRead(_folder);
        Assert.Matches("^[0-9a-f]{64}$", token);
        Assert.True(made.IsShownBy($"Bearer {token}"));
        Assert.True(AdminToken.Of(new AdminSettings(), _folder).IsShownBy($"Bearer {token}"));
    }

    [NeedsFact("linux")]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public void Its_file_is_for_its_owner_alone_even_if_a_draft_was_left_for_all_to_read()
    {
        var draft = Path.Combine(_folder, AdminToken.FileName + ".new");
        File.WriteAllText(draft, "x");
        File.SetUnixFileMode(draft, UnixFileMode.UserRead | UnixFileMode.OtherRead);

        AdminToken.Of(new AdminSettings(), _folder);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_folder, AdminToken.FileName)));
        Assert.False(File.Exists(draft));
    }

    [Fact]
    public void A_configured_token_wins()
    {
        var token = AdminToken.Of(new AdminSettings { TokenFile = "x", Token = new Secret("mine"u8) }, _folder);

        Assert.True(token.IsShownBy("Bearer mine"));
        Assert.Null(AdminToken.TryRead(_folder));
    }
}
