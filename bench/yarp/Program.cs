using System.Net;
using System.Security.Cryptography.X509Certificates;
using Yarp.ReverseProxy.Configuration;

// A reverse proxy as YARP's own documentation shows it, with nothing tuned: what the daemon's HTTP is measured against, beside HAProxy and nginx.
// bench-yarp ADDRESS HTTP-PORT HTTPS-PORT BACKEND-URL CHAIN-FILE KEY-FILE
if (args is not [var address, var http, var https, var backend, var chain, var key])
{
    Console.Error.WriteLine("bench-yarp ADDRESS HTTP-PORT HTTPS-PORT BACKEND-URL CHAIN-FILE KEY-FILE");
    return 2;
}

using var certificate = X509Certificate2.CreateFromPemFile(chain, key);
var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.UseKestrelHttpsConfiguration();
builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.Listen(IPAddress.Parse(address), int.Parse(http));
    kestrel.Listen(IPAddress.Parse(address), int.Parse(https), listen => listen.UseHttps(certificate));
});
builder.Services.AddReverseProxy().LoadFromMemory(
    [new RouteConfig { RouteId = "all", ClusterId = "web", Match = new() { Path = "{**all}" } }],
    [new ClusterConfig { ClusterId = "web", Destinations = new Dictionary<string, DestinationConfig> { ["web"] = new() { Address = backend } } }]);
var app = builder.Build();
app.MapReverseProxy();
await app.RunAsync();
return 0;
