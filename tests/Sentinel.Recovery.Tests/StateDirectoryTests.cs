using System.Diagnostics;
using Sentinel.Testing;

namespace Sentinel.Recovery.Tests;

public sealed class StateDirectoryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("state-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void One_daemon_at_a_time()
    {
        using (StateDirectory.Open(_folder))
        {
            var refused = Assert.Throws<StateDirectoryException>(() => StateDirectory.Open(_folder));
            Assert.Equal($"The state directory {_folder} is in use by another sentinel. Stop that one, or give this one a stateDirectory of its own.", refused.Message);
        }

        using var next = StateDirectory.Open(_folder);
        Assert.Equal(_folder, next.Path);
    }

    [NeedsFact("linux")]
    public void It_is_made_for_its_owner_alone()
    {
        using var state = StateDirectory.Open(Path.Combine(_folder, "a/b"));

        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(state.Path));
        }
    }

    [NeedsFact("linux")]
    public async Task A_child_process_does_not_keep_it_when_the_daemon_is_gone()
    {
        using var child = Process.Start("/bin/sleep", "1000");
        try
        {
            StateDirectory.Open(_folder).Dispose();
            using (StateDirectory.Open(_folder))
            {
                using var later = Process.Start("/bin/sleep", "1000");
                later.Kill();
                await later.WaitForExitAsync();
            }

            StateDirectory.Open(_folder).Dispose();
        }
        finally
        {
            child.Kill();
        }
    }

    [Fact]
    public void A_file_in_its_place_is_told()
    {
        var file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");

        Assert.Contains($"The state directory {file} cannot be created", Assert.Throws<StateDirectoryException>(() => StateDirectory.Open(file)).Message, StringComparison.Ordinal);
    }

    [NeedsFact("root", "mount", "umount")]
    public void A_read_only_file_system_is_told()
    {
        Process.Start(Needs.Find("mount")!, ["-t", "tmpfs", "-o", "ro", "tmpfs", _folder]).WaitForExit();
        try
        {
            Assert.Contains("cannot be written", Assert.Throws<StateDirectoryException>(() => StateDirectory.Open(_folder)).Message, StringComparison.Ordinal);
        }
        finally
        {
            Process.Start(Needs.Find("umount")!, [_folder]).WaitForExit();
        }
    }
}
