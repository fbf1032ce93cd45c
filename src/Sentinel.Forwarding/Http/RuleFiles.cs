using System.Runtime.CompilerServices;
using Sentinel.Forwarding.Http.Answers;
using Sentinel.Forwarding.Http.Upstreams;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// What was read from the files that rules name, while they were prepared. Kept by the rules themselves: what a reload
/// prepares is not seen before it is in force, and goes when they go. Thread-safe.
/// </summary>
internal sealed class RuleFiles
{
    private readonly ConditionalWeakTable<ListenerRules, OutagePage> _pages = [];
    private readonly ConditionalWeakTable<ListenerRules, UpstreamTls> _tls = [];

    public OutagePage? PageOf(ListenerRules rules) => _pages.TryGetValue(rules, out var page) ? page : null;

    public UpstreamTls? TlsOf(ListenerRules rules) => _tls.TryGetValue(rules, out var tls) ? tls : null;

    /// <summary>Reads them all.</summary>
    /// <returns>Null, or what is wrong in a sentence that names the file.</returns>
    public async Task<string?> ReadAsync(ListenerRules rules, CancellationToken cancellationToken)
    {
        if (rules.Settings.OutagePage is { } file)
        {
            var (page, error) = await OutagePage.ReadAsync(file, cancellationToken);
            if (page is null)
            {
                return error;
            }

            _pages.AddOrUpdate(rules, page);
        }

        if (rules.Settings.UpstreamTls is { } settings)
        {
            var (tls, error) = await UpstreamTls.ReadAsync(settings, cancellationToken);
            if (tls is null)
            {
                return error;
            }

            _tls.AddOrUpdate(rules, tls);
        }

        return null;
    }
}
