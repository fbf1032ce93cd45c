using Sentinel.Jump.Keys;
using Sentinel.Jump.Tests.Users;

namespace Sentinel.Jump.Tests.Keys;

public sealed class KeyReaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-keys-").FullName;
    private readonly KeyReader _keys = new(new Lines());

    private string File => Path.Combine(_folder, "alice.pub");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_that_nobody_names_any_more_may_change_unnoticed()
    {
        System.IO.File.WriteAllText(File, TestKey.Line(1));
        Assert.Single(_keys.OfAuthorities(File));
        System.IO.File.Delete(File);
        Assert.True(_keys.HasChanged());

        _keys.Keep([null, "/another"]);

        Assert.False(_keys.HasChanged());
    }

    [Fact]
    public void A_file_that_is_gone_leaves_what_was_read_from_it()
    {
        System.IO.File.WriteAllText(File, TestKey.Line(1));
        Assert.Single(_keys.OfAuthorities(File));
        System.IO.File.Delete(File);
        _keys.Keep([File]);

        Assert.True(_keys.HasChanged());
        Assert.Equal(TestKey.Of(1), Assert.Single(_keys.OfAuthorities(File)));
        Assert.False(_keys.HasChanged());
    }
}
