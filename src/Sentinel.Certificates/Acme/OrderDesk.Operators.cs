namespace Sentinel.Certificates.Acme;

/// <summary>What operators ask for.</summary>
internal sealed partial class OrderDesk
{
    /// <summary>Orders a name's certificate now, unless that was tried a moment ago.</summary>
    public RenewOutcome Renew(string name)
    {
        lock (_lock)
        {
            if (_settings is not { } settings || _byNames.Values.FirstOrDefault(course => course.Names.Contains(name) || course.Names.Cover(name)) is not { } course)
            {
                return new(RenewResult.UnknownName);
            }

            if (course.IsOrdering)
            {
                return new(RenewResult.Accepted);
            }

            course.Urgent = true;
            if (Next(course, held: null, settings).At is var next && next > time.GetUtcNow())
            {
                course.Urgent = false;
                return new(RenewResult.TooSoon, next);
            }

            return new(RenewResult.Accepted);
        }
    }

    /// <summary>Revokes what was ordered and is held for exactly this name, and orders anew what is configured.</summary>
    public async Task<RevokeOutcome> RevokeAsync(string name, RevocationReason reason)
    {
        var held = book.All.Where(certificate => certificate.Names.Contains(name)).ToArray();
        var ours = held.Where(certificate => certificate.Source.Origin == CertificateOrigin.Acme).ToArray();
        if (ours.Length == 0)
        {
            return held.Length == 0 ? new(RevokeResult.UnknownName, null) : new(RevokeResult.NotOurs, held[0].Source.ToString());
        }

        foreach (var certificate in ours)
        {
            Task<string?> revoking;
            lock (_lock)
            {
                var course = _byNames.GetValueOrDefault(certificate.Names);
                if (course?.Work.IsCompleted == false || !_keyChange.IsCompleted)
                {
                    return new(RevokeResult.Busy, null);
                }

                revoking = Task.Run(() => RevokeAsync(certificate, reason, course, [.. _clients.OrderByDescending(client => client.Directory == course?.Record.Directory)]));
                if (course is null)
                {
                    _leaving = Task.WhenAll(_leaving, revoking);
                }
                else
                {
                    course.Work = revoking;
                }
            }

            if (await revoking.ConfigureAwait(false) is { } why)
            {
                return new(RevokeResult.Refused, why);
            }
        }

        return new(RevokeResult.Done, null);
    }

    /// <summary>Gives the account at each authority a new key.</summary>
    /// <returns>Null if something is being ordered; else each authority that has an account, with what went wrong there.</returns>
    public async Task<IReadOnlyList<KeyChangeOutcome>?> RollKeysAsync()
    {
        Task<KeyChangeOutcome[]> changing;
        lock (_lock)
        {
            if (!_keyChange.IsCompleted || !_leaving.IsCompleted || _byNames.Values.Any(course => !course.Work.IsCompleted))
            {
                return null;
            }

            AcmeClient[] clients = _clients;
            _keyChange = changing = Task.Run(() => RollKeysAsync(clients));
        }

        return await changing.ConfigureAwait(false);
    }

    /// <returns>Why not; null if it is revoked.</returns>
    private async Task<string?> RevokeAsync(HeldCertificate certificate, RevocationReason reason, Course? course, AcmeClient[] clients)
    {
        string? why = null;
        foreach (var client in clients)
        {
            try
            {
                if (client.HasAccount)
                {
                    await client.RevokeAsync(certificate.Leaf, (int)reason, _stopping.Token).ConfigureAwait(false);
                    Log.Revoked(logger, certificate.Names.ToString(), certificate.SerialNumber, client.Directory, reason);
                    return await ReplaceAsync().ConfigureAwait(false);
                }
            }
            catch (AcmeException e) when (e.Problem.Is("alreadyRevoked"))
            {
                return await ReplaceAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (IsRefusal(e))
            {
                // That the first one cannot says more than that another never knew it.
                why ??= $"{client.Directory}: {e.Message}";
            }
        }

        return why ?? "no configured authority has an account of ours that could have ordered it";

        async Task<string?> ReplaceAsync()
        {
            if (course is not null)
            {
                await TryKeepAsync(course, course.Record with { Revoked = certificate.Fingerprint }).ConfigureAwait(false);
            }

            return null;
        }
    }

    private async Task<KeyChangeOutcome[]> RollKeysAsync(AcmeClient[] clients)
    {
        var outcomes = new List<KeyChangeOutcome>();
        foreach (var client in clients)
        {
            try
            {
                if (client.HasAccount)
                {
                    await client.RollKeyAsync(_stopping.Token).ConfigureAwait(false);
                    Log.KeyChanged(logger, client.Directory);
                    outcomes.Add(new(client.Directory, null));
                }
            }
            catch (Exception e) when (IsRefusal(e))
            {
                outcomes.Add(new(client.Directory, e.Message));
            }
        }

        return [.. outcomes];
    }

    private static bool IsRefusal(Exception e) => e is AcmeException or HttpRequestException or OperationCanceledException or IOException or UnauthorizedAccessException;
}
