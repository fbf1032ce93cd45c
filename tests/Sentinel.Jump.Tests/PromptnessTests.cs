using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Jump.Placement;
using Sentinel.Jump.Tests.Users;
using Sentinel.Testing;

namespace Sentinel.Jump.Tests;

/// <summary>Key files follow every change within two seconds: by a clock that only the test moves, so by promise and not by luck.</summary>
public sealed class PromptnessTests : IAsyncLifetime
{
    private static readonly TimeSpan Promise = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(250);

    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-prompt-").FullName;
    private readonly ManualTimeProvider _time = new();
    private PoolTable _pools = null!;
    private JumpService _jump = null!;

    private JumpPlaces Places => new(Path.Combine(_folder, "state", "ssh"));

    private string KeysFile => Path.Combine(_folder, "keys");

    public async Task InitializeAsync()
    {
        _pools = new(_time);
        _jump = new(Places.Directory, _pools, new LoopRegistry(_time), _time, NullLoggerFactory.Instance);
        await File.WriteAllTextAsync(KeysFile, TestKey.Line(1) + "\n");
        Configure("spot-1");
        _jump.Start();
        await WrittenAsync(keys => keys.Contains($"permitopen=\"127.77.0.1:22\" {TestKey.Line(1)}", StringComparison.Ordinal));
    }

    public async Task DisposeAsync()
    {
        await _jump.DisposeAsync();
        _pools.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_reload_is_in_the_key_files_within_two_seconds()
    {
        Configure("spot-2");
        await WrittenAsync(keys => keys.Contains("permitopen=\"127.77.0.2:22\"", StringComparison.Ordinal) && !keys.Contains("127.77.0.1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task So_is_a_changed_file_of_keys()
    {
        await File.WriteAllTextAsync(KeysFile, TestKey.Line(2) + " and a comment\n");
        await WrittenAsync(keys => keys.Contains(TestKey.Line(2), StringComparison.Ordinal) && !keys.Contains(TestKey.Line(1), StringComparison.Ordinal));
    }

    [Fact]
    public async Task So_is_a_placement_and_its_end()
    {
        Configure(null);
        await WrittenAsync(keys => keys.Length == 0);
        Assert.Equal(PlacementResult.Done, (await _jump.Placement.PlaceAsync("alice", new("spot-2"), default)).Result);
        await WrittenAsync(keys => keys.Contains("permitopen=\"127.77.0.2:22\"", StringComparison.Ordinal));
        await _jump.Placement.RemoveAsync("alice", default);
        await WrittenAsync(keys => keys.Length == 0);
    }

    /// <summary>Moves the clock on by no more than the promise. The threads that write get the time that they take meanwhile.</summary>
    private async Task WrittenAsync(Func<string, bool> isSo)
    {
        var end = _time.GetUtcNow() + Promise;
        bool IsSo() => File.Exists(Places.JumpKeys) && isSo(File.ReadAllText(Places.JumpKeys));
        await Eventually.TrueAsync(() =>
        {
            if (!IsSo() && _time.GetUtcNow() < end)
            {
                _time.Advance(Step);
            }

            return IsSo();
        });
    }

    private void Configure(string? home)
    {
        BackendDefinition[] backends = [new() { Id = new("spot-1"), Address = "127.0.0.8" }, new() { Id = new("spot-2"), Address = "127.0.0.9" }];
        var settings = new JumpSettings { Routes = false, Log = Path.Combine(_folder, "log"), Users = [new() { Name = "alice", KeysFile = KeysFile, Backend = home is null ? null : new BackendId(home) }] };
        _pools.Configure(backends, []);
        _jump.Prepare(settings, [.. backends.Select(backend => backend.Id)]);
        _jump.Commit(settings);
    }
}
