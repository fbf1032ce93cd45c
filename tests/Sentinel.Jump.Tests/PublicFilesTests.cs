using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Jump.Files;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.Tests;

/// <summary>Files that others read.</summary>
public sealed class PublicFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-public-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_changed_is_written_for_all_to_read_and_what_is_not_wanted_is_deleted()
    {
        var (kept, gone, keys) = (PathOf("keys/alice"), PathOf("keys/bob"), PathOf("keys"));
        var files = new PublicFiles();
        Assert.Equal(2, files.Sync(new Dictionary<string, string> { [kept] = "1", [gone] = "1" }, [keys]));
        Assert.Equal(0, files.Sync(new Dictionary<string, string> { [kept] = "1", [gone] = "1" }, [keys]));

        // Another daemon finds what the one before wrote.
        Assert.Equal(2, new PublicFiles().Sync(new Dictionary<string, string> { [kept] = "2" }, [keys]));

        Assert.Equal("2", File.ReadAllText(kept));
        Assert.False(File.Exists(gone));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal("644", Convert.ToString((int)File.GetUnixFileMode(kept), 8));
            Assert.Equal("711", Convert.ToString((int)File.GetUnixFileMode(keys), 8));
        }
    }

    [Fact]
    public void Accounts_that_are_not_ours_stay()
    {
        var file = PathOf("passwd");
        File.WriteAllText(file, "ldap-user:x:5000:5000::/home/ldap:/bin/sh\nold:*:70009:70000:Sent on by sentinel:/:/bin/sh\n");

        var text = new LoginAccounts(new(PathOf("ssh")), NullLogger.Instance).Render(file, [new() { Name = "alice" }]);

        Assert.Equal("ldap-user:x:5000:5000::/home/ldap:/bin/sh\nalice:*:70001:70000:Sent on by sentinel:/:/bin/sh\n", text);
    }

    [Fact]
    public void Nobody_logs_in_under_a_name_of_the_machines_own()
    {
        var accounts = new LoginAccounts(new(PathOf("ssh")), NullLogger.Instance);

        Assert.Equal(["alice-of-spot-1"], accounts.Eligible([new() { Name = "root" }, new() { Name = "jump" }, new() { Name = "alice-of-spot-1" }], "jump").Select(user => user.Name));
    }

    private string PathOf(string name) => Path.Combine(_folder, name);
}
