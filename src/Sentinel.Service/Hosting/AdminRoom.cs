using System.Net;
using Microsoft.Extensions.Logging;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Page;

namespace Sentinel.Service.Hosting;

/// <summary>The admin endpoint over all reloads: where its address changes, the new one is opened before the old one goes.</summary>
internal sealed class AdminRoom(ConfigurationInForce configuration, AdminApi api, AdminPage page, ILoggerFactory logs) : IAsyncDisposable
{
    private AdminServer? _server;
    private IPEndPoint? _bind;
    private Task _farewells = Task.CompletedTask;

    /// <summary>Where it listens; null before the first commit.</summary>
    public IPEndPoint? Bound => _server?.Bound;

    /// <summary>Opens the address if it is a new one.</summary>
    public async Task<Change> PrepareAsync(IPEndPoint bind, CancellationToken cancellationToken)
    {
        if (bind.Equals(_bind))
        {
            return new Change(this, null, bind, null);
        }

        var (server, error) = await AdminServer.StartAsync(bind, configuration, api, page, logs, cancellationToken).ConfigureAwait(false);
        return new Change(this, server, bind, error);
    }

    public async ValueTask DisposeAsync()
    {
        await _farewells.ConfigureAwait(false);
        if (_server is not null)
        {
            await _server.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void Commit(AdminServer server, IPEndPoint bind)
    {
        if (_server is { } old)
        {
            _farewells = Task.WhenAll(_farewells, old.DisposeAsync().AsTask());
        }

        (_server, _bind) = (server, bind);
        server.PutInForce();
    }

    /// <summary>An address that is open and not yet in force.</summary>
    internal sealed class Change(AdminRoom room, AdminServer? server, IPEndPoint bind, string? error) : IAsyncDisposable
    {
        private AdminServer? _server = server;

        public string? Error => error;

        public void Commit()
        {
            if (_server is not null)
            {
                room.Commit(_server, bind);
                _server = null;
            }
        }

        public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
