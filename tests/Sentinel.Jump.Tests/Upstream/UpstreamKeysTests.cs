using Sentinel.Jump.Tests.Users;
using Sentinel.Jump.Upstream;

namespace Sentinel.Jump.Tests.Upstream;

/// <summary>A change of keys over whatever an earlier daemon left of one. That VMs let users in throughout is seen with real ones.</summary>
public sealed class UpstreamKeysTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-upstream-").FullName;
    private readonly JumpPlaces _places;
    private readonly UpstreamKeys _keys;

    public UpstreamKeysTests()
    {
        _places = new(_folder);
        _keys = new(_places, TimeProvider.System, new Lines());
        Directory.CreateDirectory(Path.GetDirectoryName(_places.UpstreamKey)!);
        File.WriteAllText(_places.UpstreamKey + ".pub", TestKey.Line(1));
        File.WriteAllText(_places.UpstreamKey + ".next.pub", TestKey.Line(2));
    }

    public void Dispose()
    {
        _keys.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_next_key_is_put_in_force_also_where_a_crash_cut_that_short(bool wasCutShort)
    {
        File.WriteAllText(_places.UpstreamKey, wasCutShort ? "new" : "old");
        if (!wasCutShort)
        {
            File.WriteAllText(_places.UpstreamKey + ".next", "new");
        }

        _keys.Load();
        Assert.Equal([TestKey.Line(1) + " sentinel", TestKey.Line(2) + " sentinel"], _keys.Lines);
        Assert.Equal("new", await File.ReadAllTextAsync(_keys.NextFile));

        Assert.Null(await _keys.FinishAsync(default));

        Assert.Equal([TestKey.Line(2) + " sentinel"], _keys.Lines);
        Assert.Equal("new", await File.ReadAllTextAsync(_places.UpstreamKey));
        Assert.Equal([_places.UpstreamKey, _places.UpstreamKey + ".pub"], Directory.GetFiles(Path.GetDirectoryName(_places.UpstreamKey)!).Order(StringComparer.Ordinal));
    }
}
