using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Routing;

namespace Sentinel.Forwarding.Tests.Routing;

public class RouteTableTests
{
    private static readonly RouteTable Table = new(
        [
            Route("exact", "app.example.com", null),
            Route("exact-api", "app.example.com", "/api"),
            Route("exact-api-v2", "app.example.com", "/api/v2/"),
            Route("only-path", "only.example.com", "/here"),
            Route("wild", "*.example.com", null),
            Route("wild-lab", "*.lab.example.com", null),
            Route("wild-lab-api", "*.lab.example.com", "/api"),
            Route("any-static", null, "/static"),
            Route("v6", "[2001:db8::1]", null),
        ],
        new(new("own"), 80));

    [Theory]
    [InlineData("app.example.com", "/", "exact")]
    [InlineData("APP.Example.COM", "/", "exact")]
    [InlineData("app.example.com:8443", "/", "exact")]
    [InlineData("app.example.com.", "/", "exact")]
    [InlineData("app.example.com.:443", "/", "exact")]
    [InlineData("app.example.com", "/api", "exact-api")]
    [InlineData("app.example.com", "/api/", "exact-api")]
    [InlineData("app.example.com", "/api/v1", "exact-api")]
    [InlineData("app.example.com", "/apis", "exact")]
    [InlineData("app.example.com", "/API", "exact")]
    [InlineData("app.example.com", "/api/v2", "exact-api-v2")]
    [InlineData("app.example.com", "/api/v2/users/1", "exact-api-v2")]
    [InlineData("app.example.com", "/api/v20", "exact-api")]
    [InlineData("app.example.com", "/static/x", "exact")]
    [InlineData("only.example.com", "/here/and/there", "only-path")]
    [InlineData("only.example.com", "/elsewhere", "wild")]
    [InlineData("x.example.com", "/", "wild")]
    [InlineData("a.b.example.com", "/", "wild")]
    [InlineData("x.lab.example.com", "/", "wild-lab")]
    [InlineData("a.b.lab.example.com", "/apix", "wild-lab")]
    [InlineData("a.b.lab.example.com", "/api/x", "wild-lab-api")]
    [InlineData("lab.example.com", "/", "wild")]
    [InlineData("example.com", "/", "own")]
    [InlineData("notexample.com", "/", "own")]
    [InlineData("other.org", "/static", "any-static")]
    [InlineData("other.org", "/statics", "own")]
    [InlineData("", "/static/x", "any-static")]
    [InlineData("", "/", "own")]
    [InlineData("[2001:db8::1]", "/", "v6")]
    [InlineData("[2001:DB8::1]:443", "/", "v6")]
    [InlineData("[2001:db8::2]", "/", "own")]
    [InlineData("[broken", "/", "own")]
    [InlineData(".", "/", "own")]
    [InlineData("..", "/", "own")]
    [InlineData("app.example.com", "", "exact")]
    [InlineData("app.example.com", "*", "exact")]
    public void TheMostSpecificRouteWins(string host, string path, string pool) => Assert.Equal(pool, Table.Match(host, path).Pool.Name);

    [Fact]
    public void TheFirstOfTwoAlikeCounts()
    {
        var table = new RouteTable([Route("first", "a", "/x"), Route("second", "A", "/x/")], new(new("own"), 80));
        Assert.Equal("first", table.Match("a", "/x").Pool.Name);
    }

    [Fact]
    public void TenThousandRoutesAreFoundAndLongNonsenseIsNot()
    {
        var routes = Enumerable.Range(0, 5000).Select(i => Route($"host{i}", $"h{i}.example.com", null))
            .Concat(Enumerable.Range(0, 5000).Select(i => Route($"path{i}", null, $"/p/{i}")))
            .ToArray();
        var table = new RouteTable(routes, new(new("own"), 80));

        for (var i = 0; i < 5000; i++)
        {
            Assert.Equal($"host{i}", table.Match($"h{i}.example.com", "/").Pool.Name);
            Assert.Equal($"path{i}", table.Match("x", $"/p/{i}/rest").Pool.Name);
        }

        var (dots, slashes) = (string.Concat(Enumerable.Repeat("a.", 20_000)), new string('/', 20_000));
        for (var i = 0; i < 2000; i++)
        {
            Assert.Equal("own", table.Match(dots, slashes).Pool.Name);
        }
    }

    [Fact]
    public void AMatchAllocatesNothing()
    {
        Table.Match("a.b.lab.example.com:80", "/api/x");
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            Table.Match("a.b.lab.example.com:80", "/api/x");
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static RouteSettings Route(string pool, string? host, string? path) => new() { Host = host, Path = path, Pool = new(pool), Port = 80 };
}
