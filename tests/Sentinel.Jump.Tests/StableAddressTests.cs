using System.Net;
using Sentinel.Jump.Addresses;
using Sentinel.Jump.Files;

namespace Sentinel.Jump.Tests;

public sealed class StableAddressTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-numbers-").FullName;

    private string Path => System.IO.Path.Combine(_folder, "numbers.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("127.77.0.0/16", 5, "127.77.0.5", "127.77.128.5")]
    [InlineData("127.77.0.0/16", 300, "127.77.1.44", "127.77.129.44")]
    [InlineData("127.77.3.0/24", 127, "127.77.3.127", "127.77.3.255")]
    public void The_same_number_counts_in_both_halves(string network, int number, string address, string tunnel)
    {
        var stable = StableAddress.Of(new("spot-1"), number, IPNetwork.Parse(network));

        Assert.Equal((address, tunnel), (stable.Address.ToString(), stable.Tunnel.ToString()));
    }

    [Fact]
    public void A_number_is_kept_by_who_stays_who_leaves_and_who_starts_anew()
    {
        var book = new NumberBook(Path);
        Assert.Equal([("a", 1), ("b", 2)], Of(book, "b", "a"));
        Assert.Equal([("c", 3)], Of(book, "c"));

        Assert.Equal([("a", 1), ("b", 2), ("c", 3), ("d", 4)], Of(new NumberBook(Path), "a", "b", "c", "d"));
    }

    [Fact]
    public void The_number_of_somebody_forgotten_is_given_only_when_there_is_no_other()
    {
        var book = new NumberBook(Path);
        Of(book, "a", "b", "c");

        Assert.Equal([("c", 3), ("d", 1)], Of(book, "c", "d").Where(one => one.Name is "c" or "d"));
        Assert.Equal(["c", "d", "e"], Of(book, "c", "d", "e", "f").Select(one => one.Name).Order());
    }

    [Fact]
    public void A_file_that_was_torn_is_read_from_its_copy_and_one_that_is_gone_both_times_is_told()
    {
        Of(new NumberBook(Path), "a", "b");
        File.WriteAllText(Path, "{ \"a\":");

        var numbers = new NumberBook(Path).Of(["b"], 3, out var trouble);

        Assert.Equal(2, numbers["b"]);
        Assert.Contains("damaged", trouble, StringComparison.Ordinal);
    }

    private static (string Name, int Number)[] Of(NumberBook book, params string[] names) =>
        [.. book.Of(names, names.Length > 3 ? (names.Contains("f") ? 3 : 4) : 3, out _).Select(one => (one.Key, one.Value))];
}
